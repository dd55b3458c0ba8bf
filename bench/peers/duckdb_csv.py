"""DuckDB reads a CSV file with declared types and writes it as zstd Parquet.

usage: duckdb_csv.py CSV PARQUET NAME=TYPE...
"""

import os
import sys

import duckdb

source, target = sys.argv[1:3]
types = {"text": "varchar"}
columns = dict(word.split("=", 1) for word in sys.argv[3:])
columns = {name: types.get(kind, kind) for name, kind in columns.items()}
connection = duckdb.connect(config={"threads": os.cpu_count()})
connection.execute(
    f"copy (select * from read_csv(?, header=true, columns={columns})) "
    f"to '{target}' (format parquet, compression zstd)",
    [source],
)
