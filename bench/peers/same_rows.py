"""Whether two sets of Parquet files hold the same rows, in any order; ends with 1 if not.

usage: same_rows.py OURS THEIRS COLUMN...; the files are glob patterns
"""

import sys

import duckdb

ours, theirs, *columns = sys.argv[1:]
values = ", ".join(columns)


def fingerprint(files):
    sql = f"select count(*), sum(hash({values})::hugeint) from read_parquet('{files}')"
    return duckdb.sql(sql).fetchone()


if fingerprint(ours) != fingerprint(theirs):
    sys.exit(f"the rows differ: {fingerprint(ours)} here, {fingerprint(theirs)} there")
