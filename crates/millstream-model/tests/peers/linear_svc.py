"""Fits TF-IDF of one and two words with LinearSVC on each split and prints its weighted F1.

Reads from stdin a JSON list of {"training": [[text, label]...], "held_out": [[text, label]...]}.
"""

import json
import sys

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC


def judge(split):
    texts, labels = zip(*split["training"])
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LinearSVC()).fit(texts, labels)
    texts, labels = zip(*split["held_out"])
    return f1_score(labels, model.predict(texts), average="weighted")


print(json.dumps([judge(split) for split in json.load(sys.stdin)]))
