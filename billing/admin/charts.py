"""Bars that the server draws for staff's pages. Their numbers stand beside them, for whoever cannot see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH = 1000
HEIGHT = 100
# What is not nothing is to be seen.
NARROWEST, LOWEST = 4, 2


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
    whole = _sum(shown)
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


@dataclass(frozen=True)
class Column:
    """One of a row of columns: its pieces from the ground up."""

    pieces: list["Piece"]


@dataclass(frozen=True)
class Piece:
    name: str
    x: int
    y: int
    width: int
    height: int


def columns(rows: Sequence[Sequence[Part]]) -> list[Column]:
    """A column for each row of parts, these one on the other; the highest as high as the picture."""
    highest = max((_sum(parts) for parts in rows), default=Decimal(0))
    step = WIDTH // max(len(rows), 1)
    return [Column(list(_pieces(parts, step * place, step, highest))) for place, parts in enumerate(rows)]


def _pieces(parts: Sequence[Part], x: int, step: int, highest: Decimal) -> Iterator[Piece]:
    ground = HEIGHT
    for part in parts:
        if part.value:
            height = max(LOWEST, round(HEIGHT * Decimal(part.value) / highest))
            ground -= height
            yield Piece(part.name, x + step // 10, ground, step - step // 5, height)


def _sum(parts: Sequence[Part]) -> Decimal:
    return sum((Decimal(part.value) for part in parts), Decimal(0))


def _length(part: Part, parts: Sequence[Part], longest: int) -> int:
    largest = max(abs(Decimal(each.value)) for each in parts)
    return max(NARROWEST, round(longest * abs(Decimal(part.value)) / largest)) if part.value else 0
