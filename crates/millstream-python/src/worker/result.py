"""What a model returns, as Arrow batches that fit into a frame."""

import sys

import pyarrow as pa

import _millstream_rows as rows
import _millstream_wire as wire

# The most rows of a batch.
ROWS = 65536


def send(sock, value, body_bytes_max):
    reader = rows.reader_of(value)
    # Whether a column may be null is not said alike by all that make batches.
    schema = pa.schema([field.with_nullable(True) for field in reader.schema])
    wire.send(sock, {"op": "result"}, _stream(schema, []))
    for batch in reader:
        batch = pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        _send_pieces(sock, batch, body_bytes_max)
    wire.send(sock, {"op": "done"})


def send_all(sock, batch, body_bytes_max):
    """Sends a batch whose columns are known."""
    _send_pieces(sock, batch, body_bytes_max)
    wire.send(sock, {"op": "done"})


def _send_pieces(sock, batch, body_bytes_max):
    for start in range(0, batch.num_rows, ROWS):
        _send_batch(sock, batch.slice(start, ROWS), body_bytes_max)


def warm_up():
    """Does once what every model does, so that what is made at the first time is there."""
    schema = pa.schema({"number": pa.int64(), "text": pa.string()})
    table = pa.ipc.open_stream(_stream(schema, [])).read_all()
    if "pandas" in sys.modules:
        table = pa.Table.from_pandas(table.to_pandas(use_threads=False), preserve_index=False)
    for batch in table.to_reader():
        _stream(schema, [batch])


def warm_up_lists():
    """The same for Arrow that is made of values of Python, for which it asks for pandas."""
    pa.table({"number": [0], "text": [""]})


def _send_batch(sock, batch, body_bytes_max):
    # What frames an Arrow stream takes a part of the body too.
    if batch.nbytes <= body_bytes_max // 2:
        wire.send(sock, {"op": "batch"}, _stream(batch.schema, [batch]))
    elif batch.num_rows == 1:
        raise rows.NotRows(f"a row takes {batch.nbytes} bytes; {body_bytes_max // 2} are the most")
    else:
        half = batch.num_rows // 2
        _send_batch(sock, batch.slice(0, half), body_bytes_max)
        _send_batch(sock, batch.slice(half), body_bytes_max)


def _stream(schema, batches):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()
