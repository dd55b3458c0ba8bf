"""What a command fails with."""

from __future__ import annotations


class MillstreamError(Exception):
    """A command failed.

    ``code`` is stable (``millstream explain CODE`` says more), ``fault`` is ``user``, ``external``
    or ``internal``, and ``hint`` says what can be done; the last two may be ``None``.
    """

    def __init__(self, message: str, code: str, fault: str | None = None, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.code = code
        self.fault = fault
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.message} [{self.code}]"
        return f"{text}\n  hint: {self.hint}" if self.hint else text
