"""Reads one Delta table with three other readers and prints figures of each as JSON."""

import json
import pathlib
import sys

import deltalake
import duckdb
import duckdb_extension_delta
import polars
import pyarrow.compute as pc

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

package = pathlib.Path(duckdb_extension_delta.__file__).parent
extension = next(package.glob("extensions/*/delta.duckdb_extension"))
connection = duckdb.connect()
connection.execute(f"load '{extension}'")
query = f"select count(*), sum(id), count(distinct {text}) from delta_scan(?)"
result["duckdb"] = figures(*connection.execute(query, [path]).fetchone())

print(json.dumps(result))
