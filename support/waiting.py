"""How long customers wait for staff: what waits now, and how soon tickets were first answered."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, DateField, DurationField, F, Q
from django.db.models.functions import TruncWeek

from callcentric.clock import BUSINESS_ZONE, begins_at
from support.models import Ticket

# Days after which a ticket has waited long, longer and too long.
LONG = (1, 3, 7)
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Backlog:
    """Tickets that wait for staff: all, and by number of days those that have waited for longer."""

    tickets: int
    longer: dict[int, int]


@dataclass(frozen=True)
class Week:
    """The tickets that were first answered in the week that began on ``monday``."""

    monday: date
    answered: int
    # What half of them waited at most; none where none was answered.
    median: timedelta | None


class Median(Aggregate):
    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"


def backlog(*, now: datetime) -> Backlog:
    longer = {str(days): Count("pk", filter=Q(state_since__lte=now - timedelta(days=days))) for days in LONG}
    found = Ticket.objects.waiting_for_staff().aggregate(tickets=Count("pk"), **longer)
    return Backlog(found["tickets"], {days: found[str(days)] for days in LONG})


def first_answers(*, today: date, weeks: int) -> list[Week]:
    """By the week of the answer, so that a week that is over stays as it is; the last is the one of ``today``."""
    this_week = today - timedelta(days=today.weekday())
    mondays = [this_week - WEEK * before for before in reversed(range(weeks))]
    answered = Ticket.objects.filter(
        first_answered_at__gte=begins_at(mondays[0]), first_answered_at__lt=begins_at(this_week + WEEK)
    )
    waited: Any = F("first_answered_at") - F("opened_at")
    by_week = answered.values(monday=TruncWeek("first_answered_at", output_field=DateField(), tzinfo=BUSINESS_ZONE))
    rows = by_week.annotate(answered=Count("pk"), median=Median(waited, output_field=DurationField()))
    found = {row["monday"]: (row["answered"], row["median"]) for row in rows}
    return [Week(monday, *found.get(monday, (0, None))) for monday in mondays]
