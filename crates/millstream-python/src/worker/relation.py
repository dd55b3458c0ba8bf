"""What a model reads: queries that the engine answers, batch by batch."""

import threading

import pyarrow as pa

import _millstream_wire as wire


# Rows of fewer bytes are converted sooner than threads are started.
THREADS_BYTES = 8 * 1024 * 1024


class QueryError(Exception):
    """The engine refuses a query."""

    # So that messages have its name alone.
    __module__ = "builtins"

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


class Relation:
    """The rows of a query."""

    def __init__(self, session, sql):
        self._session = session
        self._sql = sql

    @property
    def columns(self):
        """Names of the columns."""
        with_no_rows = f"select * from ({self._sql}\n) as relation limit 0"
        return self._session._open(with_no_rows)[1].names

    def filter(self, condition):
        """The rows that meet a condition of SQL."""
        return self._over("*", f"where {condition}")

    def select(self, *columns):
        """Some columns, or expressions of SQL."""
        return self._over(", ".join(columns), "")

    project = select

    def limit(self, count):
        """The first rows."""
        return self._over("*", f"limit {int(count)}")

    def fetch_record_batch(self, *_):
        """The rows as a pyarrow.RecordBatchReader, which reads as it is asked."""
        number, schema = self._session._open(self._sql)
        return pa.RecordBatchReader.from_batches(schema, self._session._batches(number))

    def arrow(self):
        """All rows as a pyarrow.Table."""
        return self.fetch_record_batch().read_all()

    fetch_arrow_table = to_arrow_table = arrow

    def df(self):
        """All rows as a pandas.DataFrame."""
        table = self.arrow()
        return table.to_pandas(use_threads=table.nbytes >= THREADS_BYTES)

    to_pandas = to_df = fetchdf = df

    def pl(self):
        """All rows as a polars.DataFrame."""
        import polars

        return polars.from_arrow(self.arrow())

    def fetchall(self):
        """All rows as tuples."""
        columns = [column.to_pylist() for column in self.arrow().columns]
        return list(zip(*columns))

    def fetchone(self):
        """The first row as a tuple; None if there is none."""
        return next(iter(self.limit(1).fetchall()), None)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.fetch_record_batch().__arrow_c_stream__(requested_schema)

    def _over(self, columns, rest):
        return Relation(self._session, f"select {columns} from ({self._sql}\n) as relation {rest}")
