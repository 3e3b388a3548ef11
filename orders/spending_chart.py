"""Draws what was spent by month as stacked bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from callcentric.money import ZERO
from orders.spending import KINDS, Month, Spending

# In the units of the drawing.
HEIGHT, BASE, TOP, LEFT = 182, 160, 8, 48
STEP, BAR = 30, 20
# Amounts at which the scale may end, times a power of ten.
ROUND = [Decimal(step) for step in ("1", "2", "3", "4", "5", "6", "8", "10")]
LINES = 2


@dataclass(frozen=True)
class Piece:
    """The part of a bar that is of one kind; figures as text, because templates write them slowly."""

    css: str
    y: str
    height: str


@dataclass(frozen=True)
class Bar:
    month: Month
    x: str
    middle: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Gridline:
    amount: Decimal
    y: str

    @property
    def label(self) -> str:
        """In whole dollars where it is one, with fractions of a cent where there are: there is little room."""
        figure = abs(self.amount)
        whole = f"{figure:,.0f}" if figure == int(figure) else f"{figure:,.2f}"
        text = whole if figure == round(figure, 2) else f"{figure.normalize():,f}"
        return f"−${text}" if self.amount < 0 else f"${text}"


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    gridlines: list[Gridline]
    # What the colours mean, in the order in which they are stacked.
    legend: list[tuple[str, str]]
    width: int
    height: int = HEIGHT
    left: int = LEFT
    bar: int = BAR
    base: int = BASE


def drawn(spending: Spending) -> Chart:
    """The chart of ``spending``, on a scale that its highest month fits into."""
    top = round_top(max(month.total for month in spending.months))
    return Chart(
        bars=[_bar(position, month, top) for position, month in enumerate(spending.months)],
        gridlines=[Gridline(amount, _text(_y(amount, top))) for amount in (top * n / LINES for n in range(LINES + 1))],
        legend=[(css(kind), name) for kind, name in KINDS.items()],
        width=LEFT + STEP * len(spending.months),
    )


def css(kind: str) -> str:
    return f"of-{kind}"


def round_top(highest: Decimal, *, power: Decimal = Decimal(1)) -> Decimal:
    """The least round amount that is not below ``highest``; never less than ``power``."""
    while power * 10 < highest:
        power *= 10
    return next(power * step for step in ROUND if power * step >= highest)


def _bar(position: int, month: Month, top: Decimal) -> Bar:
    x = LEFT + STEP * position + (STEP - BAR) // 2
    return Bar(month, str(x), str(x + BAR // 2), list(_pieces(month, top)))


def _pieces(month: Month, top: Decimal) -> Iterator[Piece]:
    below = ZERO
    for kind, amount in zip(KINDS, month.amounts, strict=True):
        if amount:
            above = below + amount
            y = _y(above, top)
            yield Piece(css(kind), _text(y), _text(_y(below, top) - y))
            below = above


def _y(amount: Decimal, top: Decimal) -> Decimal:
    return BASE - amount / top * (BASE - TOP)


def _text(figure: Decimal) -> str:
    return f"{figure:.2f}"
