"""A plugin of pytest: the tests of sqllineage and sqlglot judge the program's column lineage.

The *values* of a column must be among the edges that a test expects; what it expects beyond them
must be conditions of that column, because neither suite tells the two apart. Conditions on all
rows, and edges from a table as a whole, are in neither suite.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from asking import WHOLE, Column, Origin
from reading import DEFAULT_SCHEMA, ask, declared, read, relation, tables_of
from sqlglot import exp
from sqlglot.lineage import Node

# sqllineage's names of dialects, where they are not sqlglot's.
DIALECTS = {"ansi": None, "non-validating": None, "sparksql": "spark"}

Expected = dict[str, set[Origin]]

# What was expected in the tests so far.
compared: list[Expected] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    """Puts the judges where the tests look for their own functions."""
    for module in {item.module for item in session.items}:
        if hasattr(module, "assert_column_lineage_equal"):
            module.assert_column_lineage_equal = judge_sqllineage
        if hasattr(module, "lineage"):
            module.lineage = judging_sqlglot(module.lineage)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Leaves out a test that says nothing of columns."""
    before = len(compared)
    yield
    if len(compared) == before:
        pytest.skip("no edge was compared")


def judge_sqllineage(
    sql: str,
    column_lineages: list[tuple[Any, Any]] | None = None,
    dialect: str = "ansi",
    metadata_provider: Any = None,
    **_: Any,
) -> None:
    """In the place of sqllineage's `assert_column_lineage_equal`."""
    query = read(sql, DIALECTS.get(dialect, dialect))
    pairs = [(_origin(source), target.column.lower()) for source, target in column_lineages or []]
    tables = tables_of(query, [source for source, _ in pairs])
    for table in tables:
        tables[table] = _provided(metadata_provider, table) or tables[table]
    expected: Expected = {}
    for (table, column), target in pairs:
        if target == WHOLE:
            for name in tables[table]:
                expected.setdefault(name, set()).add((table, name))
        else:
            expected.setdefault(target, set()).add((table, column))
    compare(expected, ask(query, tables))


def _origin(source: Any) -> Origin:
    table = (source.qualifier or "").lower()
    return table if "." in table else f"{DEFAULT_SCHEMA}.{table}", source.column.lower()


def _provided(provider: Any, table: str) -> dict[str, None]:
    if not provider:
        return {}
    from sqllineage.core.models import Table

    return {column.raw_name.lower(): None for column in provider.get_table_columns(Table(table))}


def judging_sqlglot(real: Callable[..., Any]) -> Callable[..., Any]:
    """sqlglot's `lineage`: the test goes on with its answer, with which ours is compared."""

    def lineage(column: Any, sql: Any, *places: Any, **named: Any) -> Any:
        named |= dict(zip(("schema", "sources"), places, strict=False))
        dialect = named.get("dialect")
        sources = {name: _parsed(it, dialect) for name, it in (named.get("sources") or {}).items()}
        query = _parsed(sql, dialect)
        if sources:
            query = exp.expand(query, sources, dialect=dialect)
        answer = real(column, sql, **named)
        nodes = answer if isinstance(answer, dict) else {column: answer}
        expected = {_named(name): _leaves(node) for name, node in nodes.items()}
        tables = tables_of(query, [it for origins in expected.values() for it in origins])
        found = ask(query, tables | declared(named.get("schema") or {}))
        compare(expected, {name: found.get(name, Column()) for name in expected})
        return answer

    return lineage


def _parsed(sql: Any, dialect: Any) -> exp.Query:
    return read(sql, dialect) if isinstance(sql, str) else sql.copy()


def _named(name: Any) -> str:
    return str(name).strip('"').lower()


def _leaves(node: Node) -> set[Origin]:
    leaves = [it for it in node.walk() if isinstance(it.expression, exp.Table)]
    return {(relation(it.expression), _named(it.name.split(".")[-1])) for it in leaves}


def compare(expected: Expected, found: dict[str, Column]) -> None:
    """Columns are one by name; those that each product names in its own way, by their edges."""
    compared.append(expected)
    unnamed = [column for name, column in found.items() if name not in expected]
    for name, origins in expected.items():
        candidates = [found[name]] if name in found else unnamed
        match = next((it for it in candidates if _agree(origins, it)), None)
        if not match:
            raise AssertionError(f"{name} is of {_shown(origins)}; found {_told(candidates)}")
        if candidates is unnamed:
            unnamed.remove(match)
    wrong = [column for column in unnamed if _content(column)]
    if wrong:
        raise AssertionError(f"nothing more was expected; found {_told(wrong)}")


def _agree(expected: set[Origin], column: Column) -> bool:
    return _content(column) <= expected <= column.values | column.conditions


def _content(column: Column) -> set[Origin]:
    return {(table, name) for table, name in column.values if name != WHOLE}


def _shown(origins: set[Origin]) -> str:
    return ", ".join(sorted(".".join(it) for it in origins)) or "nothing"


def _told(columns: list[Column]) -> str:
    each = (f"{_shown(it.values)} under {_shown(it.conditions)}" for it in columns)
    return "; ".join(each) or "no column"
