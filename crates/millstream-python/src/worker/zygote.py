"""The process that is warm: it has imported what tasks need, and forks a process for each."""

import gc
import importlib
import os
import random
import select
import signal
import socket
import sys
import warnings

import _millstream_task as task
import _millstream_wire as wire

# What Linux calls the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1
# How much rather than others the system ends a task when memory is short.
OOM_SCORE = b"500"

# The argument by which it imports what serves rows.
ARROW = "arrow"

tasks = {}
doors = set()
preloaded = set()


def serve():
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # What the shell put in front would hide modules of the same name.
    sys.path[:] = [place for place in sys.path if place]
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
    if not _ready(control):
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wakeup, woken = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    try:
        while True:
            ready, _, _ = select.select([control, wakeup], [], [])
            if wakeup in ready:
                os.read(wakeup, 4096)
                _reap(control)
            if control in ready:
                _obey(control, wire.receive(control)[0], (wakeup, woken))
    except (wire.Closed, OSError):
        pass
    finally:
        for pid in tasks:
            _kill(pid)
        for door in doors:
            _remove(door)


def _ready(control):
    # A task imports nothing that it does not name itself.
    try:
        pyarrow = _import_arrow() if ARROW in sys.argv else None
    except Exception as error:
        wire.send(control, {"op": "unready", "reason": "pyarrow", "message": str(error)})
        return False
    import _millstream_step

    _settle()
    wire.send(control, {"op": "ready", "pyarrow": pyarrow})
    return True


def _import_arrow():
    """Imports what models and functions need, and gives the version of pyarrow."""
    import pyarrow

    import _millstream_calls
    import _millstream_function
    import _millstream_limits
    import _millstream_relation
    import _millstream_result

    _millstream_result.warm_up()
    return pyarrow.__version__


def _obey(control, order, pipes):
    if order["op"] == "fork":
        _fork(control, order, pipes)
    elif order["op"] == "kill":
        for pid, name in tasks.items():
            if name == order["task"]:
                _kill(pid)


def _fork(control, order, pipes):
    for name in order["preload"]:
        _preload(name)
    doors.add(order["address"])
    parent, prctl = os.getpid(), _prctl()
    try:
        pid = os.fork()
    except OSError as error:
        wire.send(control, {"op": "unforked", "task": order["task"], "message": str(error)})
        return
    if pid:
        tasks[pid] = order["task"]
        return
    try:
        _become_task(parent, prctl, (control, *pipes))
        task.run(order)
    except BaseException as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(1)


def _preload(name):
    if name in preloaded:
        return
    # One that is not there is not looked for again.
    preloaded.add(name)
    _attempt(lambda: importlib.import_module(name))
    result = sys.modules.get("_millstream_result")
    if result:
        _attempt(result.warm_up)
        if name == "pandas":
            _attempt(result.warm_up_lists)
    _settle()


def _attempt(work):
    try:
        work()
    except Exception:
        # The model says so when it needs it.
        pass


def _settle():
    # What is collected no more is not touched, so that processes go on sharing it.
    gc.collect()
    gc.freeze()


def _become_task(parent, prctl, inherited):
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    if prctl:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for each in inherited:
        os.close(each if isinstance(each, int) else each.detach())
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(score, OOM_SCORE)
        os.close(score)
    except OSError:
        pass
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _prctl():
    if not sys.platform.startswith("linux"):
        return None
    try:
        import ctypes

        return ctypes.CDLL(None).prctl
    except Exception:
        return None


def _reap(control):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        told = {"op": "ended", "task": tasks.pop(pid, "")}
        # What the task started goes with it.
        _kill(pid)
        if os.WIFSIGNALED(status):
            told["signal"] = os.WTERMSIG(status)
        else:
            told["exit"] = os.WEXITSTATUS(status)
        wire.send(control, told)


def _remove(door):
    """Removes what a process leaves that was killed."""
    try:
        os.unlink(door)
        os.rmdir(os.path.dirname(door))
    except OSError:
        pass


def _kill(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        # It has ended, or not yet a group of its own.
        try:
            if pid in tasks:
                os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
