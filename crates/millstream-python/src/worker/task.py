"""One model, function or step in a process of its own."""

import linecache
import os
import socket
import sys
import traceback
import types

import _millstream_wire as wire

# Characters of a message or a trace that are told.
TEXT_MAX = 32768


def run(order):
    """Runs the task of an order, in the process that was forked for it, and ends the process."""
    sock = _connect(order, "task")
    log = _connect(order, "log")
    for descriptor in (1, 2):
        os.dup2(log.fileno(), descriptor)
    log.close()
    sys.stdout, sys.stderr = wire.reopen(1, "w"), wire.reopen(2, "w")
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    sys.path.append(os.getcwd())
    try:
        header, code = wire.receive(sock)
        _run(sock, header, code.decode())
    except (wire.Closed, BrokenPipeError, ConnectionResetError):
        pass
    sys.stdout.flush()
    sys.stderr.flush()
    # Whoever waits for what was printed need not wait until this process is gone.
    for descriptor in (1, 2):
        os.close(descriptor)
    os._exit(0)


def _connect(order, kind):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(order["address"])
    wire.send(sock, {"op": "hello", "task": order["task"], "kind": kind})
    return sock


def _run(sock, header, code):
    try:
        _WORK[header["op"]](sock, header, code)
    except (wire.Closed, BrokenPipeError, ConnectionResetError):
        raise
    except BaseException as error:
        _fail(sock, error, header["name"])


def _run_model(sock, header, code):
    import _millstream_limits as limits
    import _millstream_relation as relation
    import _millstream_result as result

    limits.keep(header["memory_bytes"])
    session = relation.Session(sock)
    module = _module("model", header["name"], code)
    returned = module.model(module.dbtObj(session.table), session)
    if isinstance(returned, relation.Relation):
        wire.send(sock, {"op": "relation", "sql": returned._sql})
    else:
        result.send(sock, returned, header["body_bytes_max"])


def _serve_function(sock, header, code):
    import _millstream_function as function
    import _millstream_limits as limits

    limits.keep(header["memory_bytes"])
    function.serve(sock, header, _module("function", header["name"], code))


def _call_step(sock, header, code):
    import _millstream_step as step

    step.call(sock, header, lambda: _module("step", header["name"], code))


_WORK = {"run": _run_model, "function": _serve_function, "step": _call_step}


def _module(kind, name, code):
    """What the text of a file defines."""
    # Tracebacks show the lines of a module that is in no file.
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    module = sys.modules[kind] = types.ModuleType(kind)
    module.__file__ = name
    exec(compile(code, name, "exec"), module.__dict__)
    return module


def _fail(sock, error, name):
    kind = "memory" if isinstance(error, MemoryError) else getattr(error, "_millstream_kind", "raised")
    failed = {"op": "failed", "kind": kind, **_told(error, name)}
    if kind == "query":
        failed.update(code=error.code, hint=error.hint)
    elif kind in ("result", "json"):
        failed.update(message=str(error)[:TEXT_MAX])
    wire.send(sock, failed)


def _told(error, name):
    """What is told of an error: without the frames of this program."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [place for place, frame in enumerate(frames) if frame.filename == name]
    frames = frames[own[0] :] if own else []
    line = frames[own[-1] - own[0]].lineno if own else None
    message = "".join(traceback.format_exception_only(type(error), error)).strip()
    if line is None:
        # Those that no line of the file raised may know which one is meant.
        line = getattr(error, "lineno", None)
    trace = "".join(traceback.format_list(frames))
    return {"message": message[:TEXT_MAX], "line": line, "trace": trace[-TEXT_MAX:]}
