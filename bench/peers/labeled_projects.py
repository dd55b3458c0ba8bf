"""The path of examples/labeled-projects with the tools that teams use in Python today.

dlt loads both CSV files into DuckDB, dbt joins and tests them, scikit-learn trains and judges,
MLflow keeps the model, and the predictions are written back as a table.

usage: labeled_projects.py PROJECTS_CSV TAGS_CSV, in an empty folder
"""

import csv
import pathlib
import subprocess
import sys

import dlt
import duckdb
import mlflow
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

projects, tags = sys.argv[1:3]
database = pathlib.Path("warehouse.duckdb").resolve()


@dlt.resource(name="projects", write_disposition="replace")
def read_projects():
    with open(projects, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


@dlt.resource(name="tags", write_disposition="replace")
def read_tags():
    with open(tags, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


pipeline = dlt.pipeline(
    "made_with_ml",
    destination=dlt.destinations.duckdb(str(database)),
    dataset_name="raw",
    pipelines_dir="pipelines",
)
pipeline.run([read_projects(), read_tags()])

pathlib.Path("models").mkdir()
pathlib.Path("dbt_project.yml").write_text(
    "name: labeled\nversion: '1.0'\nprofile: labeled\nmodel-paths: [models]\n"
)
pathlib.Path("profiles.yml").write_text(
    f"labeled:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: '{database}'}}\n"
)
pathlib.Path("models/labeled_projects.sql").write_text(
    "{{ config(materialized='table') }}\n"
    "select p.id, p.created_on, p.title, p.description, t.tag\n"
    "from raw.projects p left join raw.tags t on p.id = t.id\n"
)
pathlib.Path("models/schema.yml").write_text(
    "version: 2\nmodels:\n  - name: labeled_projects\n    columns:\n"
    "      - {name: id, data_tests: [unique, not_null]}\n"
)
dbt = pathlib.Path(sys.executable).with_name("dbt")
subprocess.run([dbt, "build", "--quiet", "--profiles-dir", "."], check=True)

connection = duckdb.connect(str(database))
rows = connection.execute("select id, title, description, tag from labeled_projects").fetchall()
texts = [f"{title} {description}" for _, title, description, _ in rows]
labels = [row[3] for row in rows]
train_x, test_x, train_y, test_y = train_test_split(
    texts, labels, test_size=0.2, stratify=labels, random_state=7
)


def model():
    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC(class_weight="balanced")
    )


judged = model().fit(train_x, train_y)
score = f1_score(test_y, judged.predict(test_x), average="weighted")
assert score >= 0.80, score

mlflow.set_tracking_uri("sqlite:///mlflow.db")
final = model().fit(texts, labels)
with mlflow.start_run():
    mlflow.log_metric("f1_weighted", score)
    mlflow.sklearn.log_model(final, name="tagger", registered_model_name="tagger")
mlflow.MlflowClient().set_registered_model_alias("tagger", "champion", "1")

predicted = list(zip((row[0] for row in rows), final.predict(texts)))
connection.execute("create table predicted_tags (id varchar, label varchar)")
connection.executemany("insert into predicted_tags values (?, ?)", predicted)
print(f"f1_weighted {score:.3f}")
