"""What a model reads: queries that the engine answers, batch by batch."""

import threading

import pyarrow as pa

import _millstream_wire as wire
from _millstream_rows import Relation


class QueryError(Exception):
    """The engine refuses a query."""

    # So that messages have its name alone.
    __module__ = "builtins"
    _millstream_kind = "query"

    def __init__(self, answer):
        super().__init__(answer["message"])
        self.code = answer["code"]
        self.hint = answer.get("hint")


class Session:
    """The engine, as a model sees it. Threads of the model may share it."""

    def __init__(self, sock):
        self._sock = sock
        self._lock = threading.Lock()
        self._last = 0

    def sql(self, text):
        """A query; nothing runs before its rows are asked for."""
        return Relation(self, str(text))

    query = sql

    def table(self, name):
        """All rows of a table or view."""
        return Relation(self, f"select * from {name}")

    def schema(self, sql):
        """The columns of a query."""
        return self._open(f"select * from ({sql}\n) as relation limit 0")[1]

    def reader(self, sql):
        """The rows of a query as they come."""
        number, schema = self._open(sql)
        return pa.RecordBatchReader.from_batches(schema, self._batches(number))

    def _open(self, sql):
        with self._lock:
            self._last += 1
            number = self._last
            _, body = self._ask({"op": "query", "query": number, "sql": sql})
        return number, pa.ipc.open_stream(pa.py_buffer(body)).schema

    def _batches(self, number):
        while True:
            with self._lock:
                answer, body = self._ask({"op": "next", "query": number})
            if answer["op"] == "end":
                return
            yield from pa.ipc.open_stream(pa.py_buffer(body))

    def _ask(self, request):
        wire.send(self._sock, request)
        answer, body = wire.receive(self._sock)
        if answer["op"] == "refused":
            raise QueryError(answer)
        return answer, body
