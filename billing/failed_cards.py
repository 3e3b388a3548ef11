"""How many charges banks have declined on each of the last days."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from billing.models import Payment
from callcentric.clock import BUSINESS_ZONE, begins_at


@dataclass(frozen=True)
class Day:
    on: date
    # Of the month, which a card pays without its customer; and everything else.
    renewals: int
    others: int

    @property
    def all(self) -> int:
        return self.renewals + self.others


def declined(*, today: date, days: int) -> list[Day]:
    """Declined charges by the day they were begun, ``today`` the last of ``days``."""
    first = today - timedelta(days=days - 1)
    begun = Payment.objects.declined().filter(
        created_at__gte=begins_at(first), created_at__lt=begins_at(today + timedelta(days=1))
    )
    renewals = Count("pk", filter=Q(purpose=Payment.Purpose.RENEWAL))
    by_day = begun.values(on=TruncDate("created_at", tzinfo=BUSINESS_ZONE)).annotate(all=Count("pk"), renewals=renewals)
    found = {row["on"]: (row["renewals"], row["all"] - row["renewals"]) for row in by_day}
    return [Day(on, *found.get(on, (0, 0))) for on in (first + timedelta(days=day) for day in range(days))]
