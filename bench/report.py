"""One line of the table that ``make bench`` prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    what: str
    measured: str
    promise: str
    holds: bool
