"""A project, asked and driven through the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from millstream._binary import find_binary
from millstream._errors import MillstreamError

if TYPE_CHECKING:
    import pandas
    import pyarrow

# Exit codes of the program: 1 says that the project or its data is at fault.
FAULTS = {1: "user", 2: "user", 3: "external", 70: "internal"}


class Project:
    """A project's folder in one of its environments.

    ``variables`` are what ``var()`` gives, as ``--var`` does. ``binary`` is the program, if not
    the one that was installed with this package. Every method raises ``MillstreamError`` when the
    program says why it cannot.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] = ".",
        *,
        env: str | None = None,
        variables: Mapping[str, Any] | None = None,
        binary: str | None = None,
    ):
        self.folder = os.fspath(folder)
        self.env = env
        self.variables = dict(variables or {})
        self.binary = binary or find_binary()

    def query(self, sql: str) -> pyarrow.Table:
        """All rows of a query over the project's assets."""
        import pyarrow.parquet

        with self._rows(sql) as path:
            return pyarrow.parquet.read_table(path)

    def batches(self, sql: str, rows: int = 65_536) -> Iterator[pyarrow.RecordBatch]:
        """The rows of a query in batches, for results that do not fit into memory."""
        import pyarrow.parquet

        with self._rows(sql) as path:
            yield from pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=rows)

    def pandas(self, sql: str) -> pandas.DataFrame:
        """All rows of a query as a pandas frame. Needs pyarrow and pandas."""
        return self.query(sql).to_pandas()

    def assets(self) -> list[dict[str, Any]]:
        """What the project makes: each asset with its kind, its version and whether it is due."""
        return self.plan()["entries"]

    def plan(self, select: str | None = None) -> dict[str, Any]:
        """What would run, and why."""
        return self._asked("plan", *_selected(select))["plan"]

    def run(self, select: str | None = None, *, full_refresh: bool = False) -> dict[str, Any]:
        """Brings the selected assets up to date. A failed step raises ``MillstreamError``."""
        refresh = ["--full-refresh"] if full_refresh else []
        return self._asked("run", *_selected(select), *refresh)["run"]

    def runs(self) -> list[dict[str, Any]]:
        """Past and present runs, the newest first."""
        return self._asked("runs", "list")["runs"]

    def show_run(self, run: str | None = None) -> dict[str, Any]:
        """One run with its steps; the newest if none is named."""
        return self._asked("runs", "show", *([run] if run else []))["run"]

    def check(self) -> dict[str, Any]:
        """Everything that can be found without running anything."""
        return self._asked("check")["check"]

    @contextmanager
    def _rows(self, sql: str) -> Iterator[str]:
        with tempfile.TemporaryDirectory(prefix="millstream-") as folder:
            path = os.path.join(folder, "rows.parquet")
            self._run(["query", "--output", "parquet", "--to", path, "--", sql])
            yield path

    def _asked(self, *words: str) -> dict[str, Any]:
        answer = self._run([*words, "--output", "json"])
        return json.loads(answer)

    def _run(self, words: list[str]) -> str:
        command = [self.binary, "-C", self.folder]
        if self.env:
            command += ["--env", self.env]
        for name, value in self.variables.items():
            command += ["--var", f"{name}={value}"]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise _failure(done)
        return done.stdout


def _selected(select: str | None) -> list[str]:
    return ["--select", select] if select else []


def _failure(done: subprocess.CompletedProcess[str]) -> MillstreamError:
    fault = FAULTS.get(done.returncode)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        answer = {}
    error = answer.get("error")
    if error:
        return MillstreamError(
            error["message"], error["code"], error.get("fault", fault), error.get("hint")
        )
    for step in answer.get("run", {}).get("steps", []):
        if step.get("error"):
            return _of_step(step, fault)
    return _of_text(done.stderr.strip(), fault)


def _of_text(text: str, fault: str | None) -> MillstreamError:
    """What a command says on a terminal: `error[CODE]: MESSAGE` and `  hint: HINT`."""
    told = re.search(r"^error\[([\w.]+)\]: (.*?)(?:\n  hint: (.*))?\Z", text, re.MULTILINE | re.DOTALL)
    if told is None:
        return MillstreamError(text or "the program failed", "command.failed", fault)
    code, message, hint = told.groups()
    return MillstreamError(message, code, fault, hint)


def _of_step(step: dict[str, Any], fault: str | None) -> MillstreamError:
    error = step["error"]
    message = f"{step['asset']}: {error['message']}"
    return MillstreamError(message, error["code"], error.get("fault", fault), error.get("hint"))
