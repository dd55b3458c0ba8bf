"""What relations hold, as one line of JSON for each: name, columns, rows, hash.

The hash does not depend on the order of the rows or of the columns, nor on how a warehouse spells
a value: `1.50` is `1.5`, and midnight is its day.

usage: fingerprints.py duckdb FILE SCHEMA...
       fingerprints.py postgres URL SCHEMA...
       fingerprints.py parquet FOLDER          of files named SCHEMA.RELATION.parquet
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2

# Sums of binary fractions differ in the last digits with the order of their terms.
DIGITS = 12
HASH_SIZE = 2**128
RELATIONS = (
    "select table_schema, table_name from information_schema.tables "
    "where table_schema in ({}) order by 1, 2"
)


def canonical(value: Any) -> str | None:
    """One spelling for equal values."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return format(Decimal(f"{value:.{DIGITS}g}").normalize(), "f")
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        whole_day = value.time() == time.min
        return value.date().isoformat() if whole_day else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def fingerprint(name: str, columns: list[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    order = sorted(range(len(columns)), key=lambda place: columns[place])
    count, total = 0, 0
    for row in rows:
        text = json.dumps([canonical(row[place]) for place in order])
        total += int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
        count += 1
    return {
        "relation": name,
        "columns": [columns[place] for place in order],
        "rows": count,
        "hash": f"{total % HASH_SIZE:032x}",
    }


def of_database(cursor: Any, schemas: list[str]) -> Iterator[dict[str, Any]]:
    """Any connection of Python's database interface."""
    cursor.execute(RELATIONS.format(", ".join(f"'{schema}'" for schema in schemas)))
    for schema, name in cursor.fetchall():
        cursor.execute(f'select * from "{schema}"."{name}"')
        columns = [column[0] for column in cursor.description]
        yield fingerprint(f"{schema}.{name}", columns, cursor.fetchall())


def of_files(folder: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.glob("*.parquet")):
        cursor = duckdb.execute("select * from read_parquet(?)", [str(file)])
        columns = [column[0] for column in cursor.description]
        yield fingerprint(file.stem, columns, cursor.fetchall())


def main(kind: str, place: str, schemas: list[str]) -> Iterator[dict[str, Any]]:
    if kind == "duckdb":
        return of_database(duckdb.connect(place, read_only=True).cursor(), schemas)
    if kind == "postgres":
        return of_database(psycopg2.connect(place).cursor(), schemas)
    return of_files(Path(place))


for found in main(sys.argv[1], sys.argv[2], sys.argv[3:]):
    print(json.dumps(found))
