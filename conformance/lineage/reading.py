"""Reads the query and the tables of a test's statements, with sqlglot."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlglot
from asking import Column, Origin, Refused, lineage
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

DEFAULT_SCHEMA = "main"
# Of columns whose type no test tells, the types that are tried.
UNTOLD_TYPES = ("bigint", "varchar")
# How a query is spelled if the program does not read it as it stands. No edge depends on it.
SPELLINGS = ("", "duckdb", "postgres")
TYPES = {
    "array": "bigint[]",
    "datetime": "timestamp",
    "int": "bigint",
    "integer": "bigint",
    "text": "varchar",
}

# Of each table (`schema.name`) the columns with their types, if they are told.
Declared = Mapping[str, Mapping[str, str | None]]


class NoQuery(AssertionError):
    """The statement is no query that makes a table, as a model is."""


def read(sql: str, dialect: str | None = None) -> exp.Query:
    """The query of the last statement, which looks through the tables that others make."""
    statements = [it for it in sqlglot.parse(sql, read=dialect) if it]
    earlier = [it for it in statements[:-1] if isinstance(it, exp.Create)]
    made = {it.this.sql(): it.expression for it in earlier if isinstance(it.expression, exp.Query)}
    query = _query_of(statements[-1])
    return exp.expand(query, made) if made else query


def _query_of(statement: exp.Expression) -> exp.Query:
    """That of `insert into T`, of `create table T as`, or the statement itself."""
    if isinstance(statement, exp.Query):
        return statement
    query = statement.expression if isinstance(statement, (exp.Insert, exp.Create)) else None
    if not isinstance(query, exp.Query):
        raise NoQuery(f"`{statement.key}` is no query")
    if ctes := statement.args.get("with_"):
        query.set("with_", ctes)
    target = statement.this.expressions if isinstance(statement.this, exp.Schema) else []
    names = [it.name for it in target if isinstance(it, (exp.Identifier, exp.ColumnDef))]
    if not names:
        return query
    return exp.select("*").from_(exp.alias_(query.subquery(), "named", table=names))


def relation(table: exp.Table) -> str:
    """`schema.table`; a catalog is left out."""
    return f"{table.db or DEFAULT_SCHEMA}.{table.name}".lower()


def tables_of(query: exp.Query, expected: Collection[Origin]) -> dict[str, dict[str, None]]:
    """The tables of a query with the columns that it names, where their table is clear.

    Each has a column at least.
    """
    found: dict[str, dict[str, None]] = {}
    scopes = traverse_scope(query)
    for scope in scopes:
        found |= {relation(it): {} for it in _tables(scope).values() if relation(it) not in found}
    for scope in scopes:
        for column in scope.columns:
            name = column.name.lower()
            if table := _table_of(column, scope, expected):
                found[table][name] = None
            elif len(found) == 1:
                found[next(iter(found))][name] = None
    for table, column in expected:
        if table in found and column.isidentifier():
            found[table][column] = None
    return {table: columns or {"unread": None} for table, columns in found.items()}


def _tables(scope: Scope) -> dict[str, exp.Table]:
    sources = scope.sources.items()
    return {name.lower(): it for name, it in sources if isinstance(it, exp.Table)}


def _table_of(column: exp.Column, scope: Scope, expected: Collection[Origin]) -> str | None:
    tables = {name: relation(it) for name, it in _tables(scope).items()}
    if column.table:
        return tables.get(column.table.lower())
    name = column.name.lower()
    for table in tables.values():
        if (table, name) in expected:
            return table
    queries = (it.expression for it in scope.sources.values() if isinstance(it, Scope))
    given = {it.lower() for query in queries for it in query.named_selects}
    return next(iter(tables.values())) if len(tables) == 1 and name not in given else None


def declared(schema: Mapping[str, Any], path: tuple[str, ...] = ()) -> Declared:
    """The tables of sqlglot's nested schemas."""
    tables: dict[str, Mapping[str, str | None]] = {}
    for name, below in schema.items():
        if any(isinstance(it, dict) for it in below.values()):
            tables |= declared(below, (*path, name))
        else:
            columns = {it.lower(): TYPES.get(kind.lower(), kind) for it, kind in below.items()}
            tables[".".join((DEFAULT_SCHEMA, *path, name)[-2:]).lower()] = columns
    return tables


def ask(query: exp.Query, tables: Declared) -> dict[str, Column]:
    """The program's lineage of the query, as the first dialect spells it that it reads."""
    plain = query.copy()
    for table in plain.find_all(exp.Table):
        table.set("catalog", None)
    refusals = []
    for text in dict.fromkeys(plain.sql(dialect=dialect) for dialect in SPELLINGS):
        for untold in UNTOLD_TYPES:
            try:
                return lineage(text, _typed(tables, untold))
            except Refused as refusal:
                refusals.append(refusal)
    raise refusals[0]


def _typed(tables: Declared, untold: str) -> dict[str, dict[str, str]]:
    return {
        table: {name: kind or untold for name, kind in columns.items()}
        for table, columns in tables.items()
    }
