"""Tests of a project's models and functions in Python, with plain pytest and without a server.

>>> from millstream.testing import call, run_model
>>> orders = {"id": [1, 2], "pence": [250, 40]}
>>> run_model("models/totals.py", refs={"orders": orders}).to_pylist()
[{'pence': 290}]
>>> call("functions/taxed.py", [250, None], [20, 20], returns="integer")
[300, None]

Needs pyarrow; what models read with SQL of their own is answered by DuckDB if that is installed,
or by `queries`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pyarrow as pa

from millstream._calls import Calls, WrongResult
from millstream._rows import NotRows, Relation, reader_of

__all__ = ["NotRows", "WrongResult", "call", "load", "run_model"]

# The SQL types of functions, as Arrow has them; others are given as types of pyarrow.
SQL_TYPES = {
    "boolean": pa.bool_(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    "double": pa.float64(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}

# The first rows of a query, as `Relation` writes it.
LIMITED = re.compile(r"select \* from \((.*?) ?\) as relation limit (\d+)")


def load(path: str | os.PathLike[str]) -> ModuleType:
    """The module of a file, with the present folder among those in which it finds others."""
    path = os.fspath(path)
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no file of Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_model(
    model: Callable[[Any, Any], Any] | ModuleType | str | os.PathLike[str],
    *,
    refs: Mapping[str, Any] | None = None,
    sources: Mapping[str, Any] | None = None,
    queries: Mapping[str, Any] | None = None,
    this: Any = None,
    config: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> pa.Table:
    """The rows that a model makes of given rows.

    ``model`` is its function, its module or its file. ``refs`` are the rows by the name in
    ``dbt.ref``, ``sources`` those by ``"source.table"``, ``queries`` those by the text in
    ``session.sql``. Rows are a table of pyarrow, a frame of pandas or polars, or a dict of
    columns. With ``this``, the rows that the table has, the model runs as an incremental one;
    ``dbt.this`` is a name for them in SQL.
    """
    tables = {name: _table(rows) for name, rows in (refs or {}).items()}
    tables.update({_source(name): _table(rows) for name, rows in (sources or {}).items()})
    if this is not None:
        tables["this"] = _table(this)
    session = _Session(tables, {_plain(sql): _table(rows) for sql, rows in (queries or {}).items()})
    returned = _function_of(model, "model")(_Dbt(session, config, meta), session)
    if isinstance(returned, Relation):
        return returned.arrow()
    return reader_of(returned).read_all()


def call(
    function: Callable[..., Any] | str | os.PathLike[str],
    *columns: Sequence[Any] | pa.Array,
    returns: str | pa.DataType,
    entry_point: str = "main",
    null_input: str = "call",
) -> list[Any]:
    """What a function gives for columns of arguments, as a query would call it.

    ``function`` is the function, or its file; ``returns`` the SQL type that it is declared to
    give, or one of pyarrow. A result of another type or length raises ``WrongResult``, as it
    fails a query.
    """
    if null_input not in ("call", "skip"):
        raise ValueError(f"null_input is `call` or `skip`, not `{null_input}`")
    given = [column if isinstance(column, pa.Array) else pa.array(column) for column in columns]
    rows = len(given[0]) if given else 1
    calls = Calls(_function_of(function, entry_point), len(given), null_input == "skip")
    return calls.results(given, rows, _type(returns)).to_pylist()


def _function_of(given: Any, name: str) -> Callable[..., Any]:
    if isinstance(given, (str, os.PathLike)):
        given = load(given)
    return getattr(given, name) if isinstance(given, ModuleType) else given


def _type(returns: str | pa.DataType) -> pa.DataType:
    if isinstance(returns, pa.DataType):
        return returns
    known = SQL_TYPES.get(returns.lower())
    if known is None:
        raise ValueError(f"`{returns}` is not among {', '.join(SQL_TYPES)}: give a type of pyarrow")
    return known


def _table(rows: Any) -> pa.Table:
    return pa.table(rows) if isinstance(rows, Mapping) else reader_of(rows).read_all()


def _source(name: str) -> str:
    return name.replace(".", "__")


def _plain(sql: str) -> str:
    return " ".join(sql.split())


class _Session:
    """Answers queries from the rows that a test gives."""

    def __init__(self, tables: dict[str, pa.Table], queries: dict[str, pa.Table]):
        self._tables = tables
        self._queries = queries

    def sql(self, text: str) -> Relation:
        return Relation(self, str(text))

    query = sql

    def table(self, name: str) -> Relation:
        return Relation(self, f"select * from {name}")

    def schema(self, sql: str) -> pa.Schema:
        return self._rows(sql).schema

    def reader(self, sql: str) -> pa.RecordBatchReader:
        return self._rows(sql).to_reader()

    def _rows(self, sql: str) -> pa.Table:
        text = _plain(sql)
        if text in self._queries:
            return self._queries[text]
        whole = text.removeprefix("select * from ")
        if whole in self._tables:
            return self._tables[whole]
        limited = LIMITED.fullmatch(text)
        if limited:
            # `fetchone` and `limit` need no SQL.
            return self._rows(limited[1]).slice(0, int(limited[2]))
        return self._asked(sql)

    def _asked(self, sql: str) -> pa.Table:
        try:
            import duckdb
        except ImportError:
            raise LookupError(
                f"the model asks\n  {_plain(sql)}\nwhich `queries` do not answer; with DuckDB "
                "installed it would"
            ) from None
        with duckdb.connect() as connection:
            for name, table in self._tables.items():
                connection.register(name, table)
            return reader_of(connection.execute(sql).arrow()).read_all()


class _Dbt:
    """What `dbt` is in a model."""

    def __init__(self, session: _Session, config: Mapping[str, Any] | None, meta: Mapping[str, Any] | None):
        self._session = session
        self.config = _Config(config or {}, meta or {})
        self.this = "this"
        self.is_incremental = "this" in session._tables

    def ref(self, *names: str, v: Any = None, version: Any = None) -> Relation:
        return self._known(names[-1], f"refs={{{names[-1]!r}: ...}}")

    def source(self, source: str, table: str) -> Relation:
        return self._known(_source(f"{source}.{table}"), f"sources={{'{source}.{table}': ...}}")

    def _known(self, name: str, hint: str) -> Relation:
        if name not in self._session._tables:
            raise LookupError(f"the test gives no rows for it: {hint}")
        return self._session.table(name)


class _Config:
    """What `dbt.config` is in a model."""

    def __init__(self, config: Mapping[str, Any], meta: Mapping[str, Any]):
        self._config = dict(config)
        self._meta = dict(meta)

    def __call__(self, *given: Mapping[str, Any], **named: Any) -> None:
        for key, value in {**(given[0] if given else {}), **named}.items():
            self._config.setdefault(key, value)

    def get(self, key: str, default: Any = None) -> Any:
        return self._config.get(key, default)

    def meta_get(self, key: str, default: Any = None) -> Any:
        return self._meta.get(key, default)
