"""Draws an agent's commission by month as bars, below the line where more was taken back than earned."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from callcentric.money import ZERO
from orders.spending_chart import BAR, BASE, HEIGHT, LEFT, STEP, TOP, Gridline, round_top

# What a scale ends at where there is next to nothing.
LEAST = Decimal("0.01")


@dataclass(frozen=True)
class Bar:
    """A month; figures as text, as in the chart of spending."""

    month: date
    amount: Decimal
    x: str
    middle: str
    y: str
    height: str


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    gridlines: list[Gridline]
    width: int
    height: int = HEIGHT
    left: int = LEFT
    bar: int = BAR
    base: int = BASE


@dataclass(frozen=True)
class Scale:
    top: Decimal
    # Zero, or below it.
    bottom: Decimal

    def y(self, amount: Decimal) -> Decimal:
        return BASE - (amount - self.bottom) / (self.top - self.bottom) * (BASE - TOP)


def drawn(months: dict[date, Decimal]) -> Chart:
    """The chart of these months, each with what was earned in it."""
    highest, lowest = max(months.values()), min(months.values())
    scale = Scale(_end(highest), -_end(-lowest) if lowest < 0 else ZERO)
    marks = sorted({scale.bottom, ZERO, scale.top / 2, scale.top})
    return Chart(
        bars=[_bar(position, month, amount, scale) for position, (month, amount) in enumerate(months.items())],
        gridlines=[Gridline(mark, f"{scale.y(mark):.2f}") for mark in marks],
        width=LEFT + STEP * len(months),
    )


def _end(highest: Decimal) -> Decimal:
    return round_top(highest, power=LEAST)


def _bar(position: int, month: date, amount: Decimal, scale: Scale) -> Bar:
    x = LEFT + STEP * position + (STEP - BAR) // 2
    y = scale.y(max(amount, ZERO))
    height = scale.y(min(amount, ZERO)) - y
    return Bar(month, amount, str(x), str(x + BAR // 2), f"{y:.2f}", f"{height:.2f}")
