"""Says how long a number takes at a place that is out of stock, from our own back-orders there."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import F, Window
from django.db.models.functions import RowNumber, TruncDate

from callcentric.clock import BUSINESS_ZONE, begins_at
from phone_numbers.models import BackOrder, RateCenter, WaitTime
from phone_numbers.models.back_orders import BackOrderQuerySet

# Fewer than these say nothing yet, more or older ones nothing about today.
FROM_ORDERS = 3
NEWEST_ORDERS = 20
NEWEST_DAYS = timedelta(days=365)
# Business days after which staff look at what waits: the default of domain.md §5 for the US and Canada.
LONG = (3, 10)


@dataclass(frozen=True)
class Wait:
    """Between so many business days and so many."""

    shortest: int
    longest: int
    # How many of our own orders it comes from; 0: it is the table's default.
    orders: int = 0

    @property
    def words(self) -> str:
        """3–10 business days; 4–6 business days, from our last 5 orders here."""
        # Not 0: nobody is promised the same day.
        shortest, longest = max(self.shortest, 1), max(self.longest, 1)
        span = str(longest) if shortest == longest else f"{shortest}–{longest}"
        days = f"{span} business day{'' if span == '1' else 's'}"
        return f"{days}, from our last {self.orders} orders here" if self.orders else days


# Should staff have emptied the table: what domain.md §5 says for elsewhere.
LONGEST_WAIT = Wait(10, 30)


def waits_at(places: list[RateCenter], *, today: date) -> dict[int, Wait]:
    """How long a number takes at each of ``places``, which have their region at hand, by id; two queries."""
    return _waits({place.pk: str(place.region.country) for place in places}, today) if places else {}


def business_days(start: date, end: date) -> int:
    """Mondays to Fridays after ``start``, up to and with ``end``."""
    weeks, rest = divmod(max((end - start).days, 0), 7)
    return weeks * 5 + sum((start + timedelta(days=day)).weekday() < 5 for day in range(1, rest + 1))


def waiting_longer(than: int, *, today: date) -> BackOrderQuerySet:
    """Back-orders that wait since more than ``than`` business days."""
    day = today
    while business_days(day, today) <= than:
        day -= timedelta(days=1)
    return BackOrder.objects.waiting().ordered_before(day + timedelta(days=1))


def late(*, today: date) -> BackOrderQuerySet:
    """Back-orders that wait longer than their place's page says that it takes."""
    # Hundreds may wait, so no more of each is read than it takes.
    waiting = BackOrder.objects.waiting().annotate(on=TruncDate("ordered_at", tzinfo=BUSINESS_ZONE))
    rows = list(waiting.values_list("pk", "on", "rate_center", "rate_center__region__country"))
    waits = _waits({place: country for _, _, place, country in rows}, today)
    longer = [pk for pk, on, place, _ in rows if business_days(on, today) > waits[place].longest]
    return BackOrder.objects.filter(pk__in=longer)


def _waits(countries: dict[int, str], today: date) -> dict[int, Wait]:
    """How long it takes at each place, by its id; they are given with their countries."""
    table = {str(row.country): Wait(row.shortest, row.longest) for row in WaitTime.objects.all()}
    taken = _taken(list(countries), today)
    waits = {}
    for place, country in countries.items():
        days = taken[place]
        if len(days) >= FROM_ORDERS:
            waits[place] = Wait(min(days), max(days), len(days))
        else:
            waits[place] = table.get(country) or table.get("", LONGEST_WAIT)
    return waits


def _taken(places: list[int], today: date) -> dict[int, list[int]]:
    """How many business days the newest back-orders of each place took."""
    since = begins_at(today - NEWEST_DAYS)
    filled = BackOrder.objects.filter(rate_center__in=places, state=BackOrder.State.FILLED, closed_at__gte=since)
    newest_first = Window(RowNumber(), partition_by="rate_center", order_by=F("closed_at").desc())
    newest = filled.annotate(place_in_line=newest_first).filter(place_in_line__lte=NEWEST_ORDERS)
    taken: dict[int, list[int]] = defaultdict(list)
    for place, days in newest.values_list("rate_center", "waited"):
        taken[place].append(days or 0)
    return taken
