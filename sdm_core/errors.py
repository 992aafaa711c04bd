"""What can go wrong, in words for the person who has to mend it.  Imports nothing from this package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["InputError", "Problem", "SdmError", "Stopped", "raise_errors"]

Level = Literal["error", "warning"]


class SdmError(Exception):
    """Any failure the caller can be told about."""


class Stopped(SdmError):  # noqa: N818 - not a failure, what the caller asked for
    """The caller's ``should_stop`` answered True; nothing was written."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the input: where, what, and what to do about it.

    Attributes
    ----------
    place : str
        For a reader, e.g. ``"study aylward2005, peak 3, t"``.
    message, mend : str
        What is wrong (no full stop); what to do (a sentence).
    level : {"error", "warning"}
        An error stops the analysis, a warning does not.
    study, row, field
        The same place for a program; ``row`` counts from 1.
    """

    place: str
    message: str
    mend: str = ""
    level: Level = "error"
    study: str | None = None
    row: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        return f"{self.level}: {self.place}: {self.message.rstrip('.')}. {self.mend}".rstrip()


class InputError(SdmError):
    """The input cannot be analysed; ``problems`` holds every reason at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise InputError with all `problems` if any of them is an error."""
    problems = tuple(problems)
    if any(problem.level == "error" for problem in problems):
        raise InputError(problems)
