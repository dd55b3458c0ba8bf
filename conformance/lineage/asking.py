"""Asks the program for the lineage of one query, in a project made for it.

The tables of the query are models that give their columns and no rows. The query is a model that
reads them, so that what is judged is what a user sees: `millstream lineage MODEL --output json`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = os.environ["MILLSTREAM_TEST_BINARY"]
SECONDS_MAX = 60
# The model that holds the query. No query names a table so.
ASKED = "asked_query"
# The column of an edge that comes from a table as a whole.
WHOLE = "*"
PROJECT = "name: asked\nversion: '1.0'\nconfig-version: 2\nprofile: asked\n"
SCHEMAS = """{% macro generate_schema_name(custom, node) %}
{{- custom or target.schema -}}
{% endmacro %}"""

Origin = tuple[str, str]
# Of each table (`schema.name`) the columns and their types.
Tables = Mapping[str, Mapping[str, str]]


class Refused(AssertionError):
    """The program does not plan the query."""


@dataclass
class Column:
    """Where a column of the answer comes from: (`schema.table`, column)."""

    values: set[Origin] = field(default_factory=set)
    conditions: set[Origin] = field(default_factory=set)


def lineage(query: str, tables: Tables) -> dict[str, Column]:
    """The lineage of each column of a query. Conditions on all rows are left out."""
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), query, tables)
        ask = [PROGRAM, "lineage", ASKED, "--depth", "1"]
        ended = _run([*ask, "--output", "json"], folder)
        if ended.returncode != 0:
            raise Refused(ended.stderr)
        edges = json.loads(ended.stdout)["lineage"]["edges"]
        if any("inexact" in edge for edge in edges):
            raise Refused(_run(ask, folder).stderr)
    return _columns(edges)


def _run(words: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )


def _write(project: Path, query: str, tables: Tables) -> None:
    (project / "models").mkdir()
    (project / "macros").mkdir()
    (project / "dbt_project.yml").write_text(PROJECT)
    (project / "macros/schemas.sql").write_text(SCHEMAS)
    reads = []
    for number, (table, columns) in enumerate(tables.items()):
        schema, name = table.split(".")
        given = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in columns.items())
        config = f"{{{{ config(schema='{schema}', alias='{name}') }}}}"
        (project / f"models/table_{number}.sql").write_text(f"{config} select {given}")
        reads.append(f"-- depends_on: {{{{ ref('table_{number}') }}}}")
    text = "{% raw %}" + query + "{% endraw %}"
    (project / f"models/{ASKED}.sql").write_text("\n".join([*reads, text]))


def _columns(edges: Iterable[dict]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for edge in edges:
        if edge["to"]["column"] is None:
            continue
        origin = edge["from"]["asset"].removeprefix("table:"), _root(edge["from"]["column"])
        column = columns.setdefault(edge["to"]["column"], Column())
        (column.values if edge["role"] == "value" else column.conditions).add(origin)
    return columns


def _root(path: str | None) -> str:
    return WHOLE if path is None else path.split(".")[0].split("[")[0]
