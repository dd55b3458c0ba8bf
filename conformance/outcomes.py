"""Writes what became of every test to the file that `MILLSTREAM_TEST_OUTCOMES` names.

A line holds the test's id, `passed`, `failed` or `skipped`, and the reason, parted by tabs.
Tests in the file that `MILLSTREAM_TEST_NOT_JUDGED` may name (`id<TAB>reason`) are left out.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REASON_CHARACTERS_MAX = 200
RANK = {"passed": 0, "skipped": 1, "failed": 2}


class Outcomes:
    """Collects the phases of every test; the worst one is its outcome."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: dict[str, tuple[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known, _ = self.found.get(report.nodeid, ("passed", ""))
        if report.nodeid not in self.found or RANK[report.outcome] > RANK[known]:
            self.found[report.nodeid] = (report.outcome, _reason(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.found[report.nodeid] = ("failed", _reason(report))

    def pytest_sessionfinish(self) -> None:
        lines = ("\t".join((name, *self.found[name])) for name in sorted(self.found))
        self.path.write_text("".join(f"{line}\n" for line in lines))


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        text = report.longrepr[2]
    else:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = crash.message if crash else str(report.longrepr)
    return " ".join(text.split())[:REASON_CHARACTERS_MAX]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    listed = os.environ.get("MILLSTREAM_TEST_NOT_JUDGED")
    lines = Path(listed).read_text().splitlines() if listed else []
    reasons = dict(line.split("\t", 1) for line in lines)
    for item in items:
        if reason := reasons.get(item.nodeid):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_configure(config: pytest.Config) -> None:
    """Only the process that gathers the reports writes them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(Path(os.environ["MILLSTREAM_TEST_OUTCOMES"])))
