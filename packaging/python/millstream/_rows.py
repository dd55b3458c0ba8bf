"""The rows of a query as a model sees them, wherever they come from."""

import sys

import pyarrow as pa

# Rows of fewer bytes are converted sooner than threads are started.
THREADS_BYTES = 8 * 1024 * 1024


class Relation:
    """The rows of a query. `session.reader(sql)` gives them when they are asked for."""

    def __init__(self, session, sql):
        self._session = session
        self._sql = sql

    @property
    def columns(self):
        """Names of the columns."""
        return self._session.schema(self._sql).names

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
        return self._session.reader(self._sql)

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


class NotRows(Exception):
    """What a model returned are no rows."""

    # So that messages have its name alone.
    __module__ = "builtins"
    # How it is told by the process of a model.
    _millstream_kind = "rows"


def reader_of(value):
    """What a model returned, as a pyarrow.RecordBatchReader."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if polars and isinstance(value, polars.LazyFrame):
        value = value.collect()
    if pandas and isinstance(value, pandas.DataFrame):
        value = pa.Table.from_pandas(value, preserve_index=False)
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        return value.to_reader()
    if isinstance(value, pa.RecordBatchReader):
        return value
    if hasattr(value, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(value)
    if callable(getattr(value, "to_arrow", None)):
        return reader_of(value.to_arrow())
    kind = "nothing" if value is None else f"a {type(value).__module__}.{type(value).__qualname__}"
    raise NotRows(f"the model returned {kind}")
