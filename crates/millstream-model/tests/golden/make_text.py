"""Writes text.json: small texts and what scikit-learn's TF-IDF with a linear model says of them.

Run with numpy and scikit-learn installed: python make_text.py > text.json
"""

import json

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

TEXTS = [
    ("vision", "Detecting objects in images\nA YOLO detector for street images, trained on images."),
    ("vision", "Image segmentation with U-Net\nSegment medical images pixel by pixel"),
    ("vision", "Face recognition\nRecognize faces in photos and videos of people"),
    ("vision", "Style transfer for videos\nPaint photos in the style of a painting"),
    ("language", "Question answering with BERT\nA transformer reads text and answers questions"),
    ("language", "Machine translation\nTranslate text from German to English with attention"),
    ("language", "Text summarization\nSummarize long text, e.g. news; it's abstractive"),
    ("language", "Naïve Bayes für Sätze\nKlassifiziert Sätze nach Größe und Thema"),
    ("language", "Language models in PyTorch\nTrain a language model on text from scratch"),
    ("operations", "Deploying models\nServe a model with Docker and monitor its drift in production"),
    ("operations", "Feature store\nFeatures for training and serving, with monitoring"),
    ("operations", "A B"),
]
QUERIES = [
    "A transformer that reads images\nimages and text",
    "Monitor models in production",
    "Unknown words only, zzz qqq",
    "",
    "Größe der Sätze: text TEXT Text",
]


def case(name, settings, texts, vectorizer, model):
    documents, labels = [text for _, text in texts], [label for label, _ in texts]
    model.fit(vectorizer.fit_transform(documents), labels)
    rows = vectorizer.transform(QUERIES)
    expected = model.decision_function(rows)
    out = {"name": name, "settings": settings, "texts": texts}
    out["terms"] = len(vectorizer.vocabulary_)
    out["labels"] = list(model.classes_)
    out["decision"] = expected.tolist()
    if hasattr(model, "predict_proba"):
        out["probabilities"] = model.predict_proba(rows).tolist()
    return out


def svm(**settings):
    return LinearSVC(tol=1e-12, max_iter=1_000_000, dual=True, random_state=0, **settings)


def logistic(**settings):
    return LogisticRegression(tol=1e-12, max_iter=100_000, **settings)


two = [(label, text) for label, text in TEXTS if label != "operations"]
plain = {"ngram_range": (1, 2), "sublinear_tf": True}
cases = [
    case("three labels", {}, TEXTS, TfidfVectorizer(**plain), svm()),
    case(
        "balanced", {"class_weight": "balanced", "c": 0.5}, TEXTS, TfidfVectorizer(**plain),
        svm(class_weight="balanced", C=0.5),
    ),
    case("two labels", {}, two, TfidfVectorizer(**plain), svm()),
    case(
        "two labels, balanced", {"class_weight": "balanced"}, two, TfidfVectorizer(**plain),
        svm(class_weight="balanced"),
    ),
    case(
        "single words, plain counts, min_df",
        {"ngrams": [1, 1], "sublinear_tf": False, "min_df": 2},
        TEXTS,
        TfidfVectorizer(min_df=2),
        svm(),
    ),
    case(
        "words in threes", {"ngrams": [2, 3]}, TEXTS,
        TfidfVectorizer(ngram_range=(2, 3), sublinear_tf=True), svm(),
    ),
    case("logistic", {"model": "logistic"}, TEXTS, TfidfVectorizer(**plain), logistic()),
    case(
        "logistic, balanced", {"model": "logistic", "class_weight": "balanced", "c": 10.0}, TEXTS,
        TfidfVectorizer(**plain), logistic(class_weight="balanced", C=10.0),
    ),
    case("logistic, two labels", {"model": "logistic"}, two, TfidfVectorizer(**plain), logistic()),
]
print(json.dumps({"queries": QUERIES, "cases": cases}, indent=1, ensure_ascii=False))
