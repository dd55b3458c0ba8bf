"""Frames: two lengths, a header in JSON, and a body."""

import json
import os
import struct

LENGTHS = struct.Struct(">II")


class Closed(Exception):
    """The other side is gone."""


def send(sock, header, body=b""):
    text = json.dumps(header).encode()
    sock.sendall(LENGTHS.pack(len(text), len(body)) + text)
    if body:
        sock.sendall(body)


def receive(sock):
    header, body = LENGTHS.unpack(_exactly(sock, LENGTHS.size))
    return json.loads(_exactly(sock, header)), _exactly(sock, body)


def _exactly(sock, size):
    data = bytearray(size)
    view, have = memoryview(data), 0
    while have < size:
        count = sock.recv_into(view[have:])
        if count == 0:
            raise Closed()
        have += count
    return data


def reopen(descriptor, mode):
    """A text stream over a descriptor, each line written at once."""
    return os.fdopen(descriptor, mode, buffering=1, encoding="utf-8", errors="replace", closefd=False)
