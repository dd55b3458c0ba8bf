"""A function that queries call, in a process of its own: batch by batch."""

import pyarrow as pa

import _millstream_result as result
import _millstream_wire as wire
from _millstream_calls import Calls


def serve(sock, header, module):
    """Answers calls until nobody asks any more. `module` has run the file of the function."""
    entry = header["entry_point"]
    function = getattr(module, entry, None)
    if not callable(function):
        raise AttributeError(f"the file defines no function `{entry}`")
    calls = Calls(function, header["arguments"], header["skip_nulls"])
    _, body = wire.receive(sock)
    returns = pa.ipc.open_stream(pa.py_buffer(body)).schema
    while True:
        call, body = wire.receive(sock)
        table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
        columns = [_whole(column) for column in table.columns]
        found = calls.results(columns, call["rows"], returns.field(0).type)
        batch = pa.RecordBatch.from_arrays([found], schema=returns)
        result.send_all(sock, batch, header["body_bytes_max"])


def _whole(column):
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
