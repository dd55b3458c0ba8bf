"""Reads one Delta table with three other readers and prints figures of each as JSON."""

import json
import sys

import deltalake
import duckdb
import polars
import pyarrow.compute as pc
from duckdb_extensions import import_extension

path = sys.argv[1]


def figures(rows, ids, texts):
    return {"rows": int(rows), "ids": int(ids), "texts": int(texts)}


arrow = deltalake.DeltaTable(path).to_pyarrow_table()
text = "label" if "label" in arrow.column_names else "title"
result = {
    "deltalake": figures(
        arrow.num_rows,
        pc.sum(arrow["id"]).as_py(),
        pc.count_distinct(arrow[text], mode="only_valid").as_py(),
    )
}

frame = polars.read_delta(path)
result["polars"] = figures(frame.height, frame["id"].sum(), frame[text].drop_nulls().n_unique())

import_extension("delta")
connection = duckdb.connect()
connection.execute("LOAD delta")
query = f"select count(*), sum(id), count(distinct {text}) from delta_scan(?)"
result["duckdb"] = figures(*connection.execute(query, [path]).fetchone())

print(json.dumps(result))
