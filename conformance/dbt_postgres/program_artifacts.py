"""What a program leaves in the target folder, as the objects that dbt would have returned."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import agate
from dbt.artifacts.schemas.catalog import CatalogArtifact
from dbt.artifacts.schemas.freshness import FreshnessMetadata, FreshnessResult
from dbt.artifacts.schemas.freshness.v3.freshness import (
    PartialSourceFreshnessResult,
    SourceFreshnessResult,
)
from dbt.artifacts.schemas.manifest import WritableManifest
from dbt.artifacts.schemas.results import FreshnessStatus, RunStatus, TestStatus
from dbt.artifacts.schemas.run import RunExecutionResult, RunResult
from dbt.contracts.graph.manifest import Manifest

COLORS = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    """Text without colors."""
    return COLORS.sub("", text)


class Artifacts:
    """The target folder before and after one invocation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._before = {path: _stamp(path) for path in self.folder.glob("*.json")}

    def _fresh(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        if not path.exists() or self._before.get(path) == _stamp(path):
            return None
        content: dict[str, Any] = json.loads(path.read_text())
        return content

    def _manifest(self) -> Manifest:
        path = self.folder / "manifest.json"
        return Manifest.from_writable_manifest(WritableManifest.read_and_check_versions(str(path)))

    def fresh_manifest(self) -> Manifest | None:
        return self._manifest() if self._fresh("manifest.json") else None

    def run_results(self, stdout: str) -> RunExecutionResult | None:
        found = self._fresh("run_results.json")
        if found is None:
            return None
        nodes = _nodes(self._manifest())
        return RunExecutionResult(
            results=[_run_result(one, nodes, stdout) for one in found["results"]],
            elapsed_time=found["elapsed_time"],
            args=found.get("args", {}),
        )

    def freshness(self, path: str) -> FreshnessResult | None:
        """`path` is relative to the project where it names a folder."""
        found = self._fresh(str(Path(path).absolute()) if "/" in path else path)
        if found is None:
            return None
        nodes = _nodes(self._manifest())
        return FreshnessResult(
            metadata=FreshnessMetadata(),
            results=[_freshness_result(one, nodes) for one in found["results"]],
            elapsed_time=found["elapsed_time"],
        )

    def catalog(self) -> CatalogArtifact | None:
        found = self._fresh("catalog.json")
        return None if found is None else CatalogArtifact.from_dict(found)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino


def _nodes(manifest: Manifest) -> dict[str, Any]:
    return {
        **manifest.nodes,
        **manifest.sources,
        **manifest.exposures,
        **manifest.saved_queries,
        **manifest.functions,
        **manifest.unit_tests,
        **{macro: _stand_in(macro) for macro in manifest.macros},
    }


def _stand_in(unique_id: str) -> Any:
    """For what a manifest does not hold, such as an inline query."""
    return SimpleNamespace(
        unique_id=unique_id,
        name=unique_id.rsplit(".", 1)[-1],
        resource_type=unique_id.split(".", 1)[0],
    )


def _run_result(found: dict[str, Any], nodes: dict[str, Any], stdout: str) -> RunResult:
    node = nodes.get(found["unique_id"]) or _stand_in(found["unique_id"])
    if found.get("compiled_code") is not None:
        node.compiled, node.compiled_code = True, found["compiled_code"]
    return RunResult(
        status=_status(found),
        timing=found["timing"],
        thread_id=found["thread_id"],
        execution_time=found["execution_time"],
        adapter_response=found["adapter_response"],
        message=found["message"],
        failures=found["failures"],
        node=node,
        batch_results=found.get("batch_results"),
        agate_table=_table(stdout, getattr(node, "name", "")),
    )


def _status(found: dict[str, Any]) -> RunStatus | TestStatus:
    judges = found["unique_id"].split(".", 1)[0] in ("test", "unit_test")
    # A test that is only compiled ends as a model does.
    return (TestStatus if judges and found["status"] != "success" else RunStatus)(found["status"])


def _table(stdout: str, name: str) -> agate.Table:
    """What `show` prints: a line of names, a line of dashes, and one for each row.

    Of several tables that below the name of the node.
    """
    text = plain(stdout)
    if (below := text.partition(f"Previewing node '{name}")[2]) != "":
        text = below.partition("Previewing node")[0]
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    return agate.Table(cells[2:], cells[0]) if cells else agate.Table([])


def _freshness_result(
    found: dict[str, Any], nodes: dict[str, Any]
) -> SourceFreshnessResult | PartialSourceFreshnessResult:
    def moment(name: str) -> Any:
        return datetime.fromisoformat(found[name]) if found.get(name) else None

    known = {
        "status": FreshnessStatus(found["status"]),
        "timing": found.get("timing", []),
        "thread_id": found.get("thread_id", ""),
        "execution_time": found.get("execution_time", 0),
        "adapter_response": found.get("adapter_response", {}),
        "message": found.get("error"),
        "failures": None,
        "node": nodes.get(found["unique_id"]) or _stand_in(found["unique_id"]),
    }
    # A source that could not be asked has no age.
    if found["status"] == FreshnessStatus.RuntimeErr:
        return PartialSourceFreshnessResult(**known)
    return SourceFreshnessResult(
        **known,
        max_loaded_at=moment("max_loaded_at"),
        snapshotted_at=moment("snapshotted_at"),
        age=found.get("max_loaded_at_time_ago_in_s", 0),
    )
