"""Bars that the server draws for staff's pages. Their numbers stand beside them, for whoever cannot see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH = 1000
# What is not nothing is to be seen.
NARROWEST = 4


@dataclass(frozen=True)
class Bar:
    """A part of a picture that is ``WIDTH`` wide; ``name`` is what the style sheet colours it by."""

    name: str
    label: str
    x: int
    width: int


@dataclass(frozen=True)
class Part:
    name: str
    label: str
    value: Decimal | int


def stacked(parts: Sequence[Part]) -> list[Bar]:
    """The parts of a whole one behind the other, the whole as wide as the picture; nothing of those that are none."""
    shown = [part for part in parts if part.value]
    whole = sum((Decimal(part.value) for part in shown), Decimal(0))
    widths = [max(Decimal(NARROWEST), WIDTH * part.value / whole) for part in shown]
    edges = [WIDTH * sum(widths[:count], Decimal(0)) / sum(widths, Decimal(0)) for count in range(len(widths))]
    ends = [*edges[1:], Decimal(WIDTH)]
    return [
        Bar(part.name, part.label, round(begin), round(end) - round(begin))
        for part, begin, end in zip(shown, edges, ends, strict=False)
    ]


def from_the_left(parts: Sequence[Part]) -> list[Bar]:
    """A bar for each, the largest as wide as the picture."""
    return [Bar(part.name, part.label, 0, _length(part, parts, WIDTH)) for part in parts]


def from_the_middle(parts: Sequence[Part]) -> list[Bar]:
    """A bar for each: what is above zero to the right, what is below it to the left."""
    bars = []
    for part in parts:
        length = _length(part, parts, WIDTH // 2)
        bars.append(Bar(part.name, part.label, WIDTH // 2 - (length if part.value < 0 else 0), length))
    return bars


def _length(part: Part, parts: Sequence[Part], longest: int) -> int:
    largest = max(abs(Decimal(each.value)) for each in parts)
    return max(NARROWEST, round(longest * abs(Decimal(part.value)) / largest)) if part.value else 0
