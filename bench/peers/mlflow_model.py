"""Trains the same kind of model as examples/labeled-projects and saves it for MLflow.

usage: mlflow_model.py PROJECTS_CSV TAGS_CSV, in an empty folder; makes the folder `model`
"""

import sys

import mlflow.sklearn
import pandas
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

rows = pandas.read_csv(sys.argv[1]).merge(pandas.read_csv(sys.argv[2]), on="id")
texts = rows["title"] + " " + rows["description"]
model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC())
mlflow.sklearn.save_model(model.fit(texts, rows["tag"]), "model")
