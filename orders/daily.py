"""How many orders were completed on each of the last days, and for how much."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate

from callcentric.clock import BUSINESS_ZONE, begins_at
from callcentric.money import ZERO
from orders.models import Order


@dataclass(frozen=True)
class Day:
    on: date
    orders: int
    dollars: Decimal


def completed(*, today: date, days: int) -> list[Day]:
    """Orders by the day they were placed, ``today`` the last of ``days``; their totals with tax."""
    first = today - timedelta(days=days - 1)
    placed = Order.objects.filter(
        state=Order.State.COMPLETED,
        placed_at__gte=begins_at(first),
        placed_at__lt=begins_at(today + timedelta(days=1)),
    )
    by_day = placed.values(on=TruncDate("placed_at", tzinfo=BUSINESS_ZONE))
    rows = by_day.annotate(orders=Count("pk"), dollars=Sum("total"))
    found = {row["on"]: (row["orders"], row["dollars"]) for row in rows}
    return [Day(on, *found.get(on, (0, ZERO))) for on in (first + timedelta(days=day) for day in range(days))]
