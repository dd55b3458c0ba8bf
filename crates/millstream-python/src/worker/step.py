"""A step that calls a function of the project."""

import inspect
import json
import os
import sys

import _millstream_wire as wire

# The status of what raises `SystemExit` with a text, which is printed.
STATUS_TEXT = 1


class NotJson(Exception):
    """What a step returned is no JSON."""

    # So that messages have its name alone.
    __module__ = "builtins"
    _millstream_kind = "json"


def call(sock, header, load):
    """Calls the function that a step names, of the module that `load` gives."""
    os.environ.update(header["variables"])
    sys.argv = [header["name"]]
    entry = header["entry_point"]
    try:
        function = getattr(load(), entry, None)
        if not callable(function):
            raise AttributeError(f"the file defines no function `{entry}`")
        result = _result(function, header["given"], header["offered"])
    except SystemExit as end:
        wire.send(sock, {"op": "exited", "status": _status(end.code)})
    else:
        wire.send(sock, {"op": "returned"}, _text(entry, result))


def _result(function, given, offered):
    result = function(**_arguments(function, given, offered))
    if inspect.isawaitable(result):
        import asyncio

        result = asyncio.run(_awaited(result))
    return result


async def _awaited(result):
    return await result


def _arguments(function, given, offered):
    """All that is given, and of what is offered that which the function asks for by name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return given
    named = {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    return {**{name: value for name, value in offered.items() if name in named}, **given}


def _text(entry, result):
    try:
        return json.dumps(result, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(f"`{entry}` returned what is no JSON: {error}") from None


def _status(code):
    if code is None:
        return 0
    if isinstance(code, int):
        # As the system has it of a process.
        return code & 0xFF
    print(code, file=sys.stderr)
    return STATUS_TEXT
