"""Lets the functional tests of dbt's adapters judge an outside program instead of dbt itself.

The tests call `dbtRunner.invoke` in their own process. This plugin replaces it: the program that
`MILLSTREAM_TEST_DBT` names (words, as a shell would split them) is run in the project's folder
with the same arguments, and the result is built from what it leaves behind: its exit code, its
output and the artifacts in the target folder. Everything else of a test, such as comparing
relations, still runs through dbt's Python adapter.

usage: PYTHONPATH=conformance/dbt_postgres pytest -p program_runner ...
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from dbt.adapters.factory import FACTORY
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.materializations.incremental.microbatch import MicrobatchBuilder
from dbt_common.events.functions import get_capture_stream
from program_artifacts import Artifacts, plain
from program_errors import ProgramError

PROGRAM = shlex.split(os.environ["MILLSTREAM_TEST_DBT"])
SECONDS_MAX = 300
COMMANDS = {
    "build", "clean", "clone", "compile", "debug", "deps", "docs", "freshness", "init", "list",
    "ls", "parse", "retry", "run", "run-operation", "seed", "show", "snapshot", "source", "test",
}  # fmt: skip
WITH_RUN_RESULTS = {
    "build", "clone", "compile", "retry", "run", "run-operation", "seed", "show", "snapshot",
    "test",
}  # fmt: skip
# What dbt's command line ends with: all is well, a node failed, it could not do what was asked.
DONE, NODE_FAILED, REFUSED = 0, 1, 2


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


def invoke(runner: dbtRunner, args: list[str], **kwargs: Any) -> dbtRunnerResult:
    """Runs the program in place of `dbtRunner.invoke`."""
    args = args + [word for name, value in kwargs.items() for word in _option(name, value)]
    command = next((word for word in args if word in COMMANDS), "")
    project = _value(args, "--project-dir") or os.environ.get("DBT_PROJECT_DIR") or "."
    target = (
        _value(args, "--target-path")
        or os.environ.get("DBT_TARGET_PATH")
        or _target_path(Path(project))
        or "target"
    )
    artifacts = Artifacts(Path(project, target))
    ended = _run(args + _added_arguments(command, args, runner.callbacks))
    # As dbt does, whose tests go on in the project's folder.
    if Path(project).is_dir():
        os.chdir(project)
    _show(ended)
    if runner.callbacks:
        _replay_events(ended.stdout, runner.callbacks)
    if ended.code not in (DONE, NODE_FAILED):
        return dbtRunnerResult(success=False, exception=_exception(ended))
    if manifest := artifacts.fresh_manifest():
        _tell_adapters(manifest)
    return dbtRunnerResult(
        success=ended.code == DONE, result=_result(command, args, ended, artifacts)
    )


def _option(name: str, value: Any) -> list[str]:
    """A keyword argument on the command line."""
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value)]


def _target_path(project: Path) -> str | None:
    """What `dbt_project.yml` says, which dbt 1 still takes."""
    file = project / "dbt_project.yml"
    said = yaml.safe_load(file.read_text()) if file.is_file() else None
    return said.get("target-path") if isinstance(said, dict) else None


def _value(args: list[str], *options: str) -> str | None:
    return next((after for word, after in pairwise(args) if word in options), None)


def _added_arguments(
    command: str, args: list[str], callbacks: list[Callable[[Any], None]]
) -> list[str]:
    """Callbacks get the events of a JSON log; `ls` must print nothing but what it lists."""
    if callbacks:
        return ["--log-format", "json", "--log-level", "debug"]
    quiet = get_capture_stream() is None and not {"-q", "--quiet"} & set(args)
    if command in ("ls", "list") and quiet:
        return ["--quiet"]
    return []


def _run(args: list[str]) -> Ended:
    done = subprocess.run(
        [*PROGRAM, *(str(word) for word in args)],
        env={**os.environ, **_clock()},
        stdin=subprocess.DEVNULL,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def _clock() -> dict[str, str]:
    """Where a test has moved its own clock, the program's clock is moved too."""
    end_time = MicrobatchBuilder.build_end_time
    if isinstance(end_time, mock.Mock):
        now = end_time.return_value.timestamp()
    elif abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) > 60:
        now = time.time()
    else:
        return {}
    moved = time.strftime("@%Y-%m-%d %H:%M:%S", time.gmtime(now))
    library = os.environ["MILLSTREAM_TEST_FAKETIME"]
    return {"LD_PRELOAD": library, "FAKETIME": moved, "TZ": "UTC", "DONT_FAKE_MONOTONIC": "1"}


def _show(ended: Ended) -> None:
    """Output goes where a test looks for it: the captured log, or pytest's own capture."""
    sys.stdout.write(ended.stdout)
    sys.stderr.write(ended.stderr)
    if stream := get_capture_stream():
        stream.write(ended.text)


def _replay_events(log: str, callbacks: list[Callable[[Any], None]]) -> None:
    for line in log.splitlines():
        if line.startswith("{"):
            event = json.loads(line, object_hook=_Attributes)
            for callback in callbacks:
                callback(event)


class _Attributes(dict[str, Any]):
    """A JSON object whose members are read as attributes, as those of dbt's events are.

    An event has all members of its kind, so that one which is not written is empty.
    """

    def __getattr__(self, name: str) -> Any:
        return self.get(name, _Attributes())


def _exception(ended: Ended) -> Exception:
    if ended.code == REFUSED:
        return ProgramError(plain(ended.text))
    # A crash must not be taken for an error that a test expects.
    return ChildProcessError(f"{PROGRAM[0]} ended with {ended.code}\n{plain(ended.text)}")


def _tell_adapters(manifest: Manifest) -> None:
    """Tests call macros of their project through the adapter that dbt would have left behind."""
    for adapter in FACTORY.adapters.values():
        adapter.set_macro_resolver(manifest)
        # dbt leaves a connection of this thread behind that works.
        connection = adapter.connections.get_if_exists()
        if connection is not None and getattr(connection.handle, "closed", False):
            adapter.connections.clear_thread_connection()
            adapter.acquire_connection("master")


def _result(command: str, args: list[str], ended: Ended, artifacts: Artifacts) -> Any:
    if command in WITH_RUN_RESULTS:
        return artifacts.run_results(ended.stdout)
    if command in ("source", "freshness"):
        return artifacts.freshness(_value(args, "-o", "--output") or "sources.json")
    if command in ("ls", "list"):
        return plain(ended.stdout).splitlines()
    if command == "parse":
        return artifacts.fresh_manifest()
    if command == "docs" and "generate" in args:
        return artifacts.catalog()
    if command == "debug":
        return ended.code == DONE
    return None


dbtRunner.invoke = invoke  # type: ignore[assignment]
