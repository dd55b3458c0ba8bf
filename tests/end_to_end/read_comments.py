"""Prints the description of one Delta table and of its columns, as deltalake reads them."""

import json
import sys

import deltalake

table = deltalake.DeltaTable(sys.argv[1])
columns = {field.name: field.metadata.get("comment") for field in table.schema().fields}
print(json.dumps({"description": table.metadata().description, "columns": columns}))
