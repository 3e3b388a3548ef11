"""Says how far the month has come, and keeps a row of each run that brings it on (domain.md §6)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from django.db import DatabaseError, models
from django.db.models import Count, F, Max, Min, Sum

from billing import months
from billing.models import Cycle, CycleRun, Invoice
from callcentric import clock
from callcentric.money import ZERO

Standing = Cycle.Standing


@dataclass(frozen=True)
class Share:
    """The accounts of a month that stand alike, and what they are billed or owe."""

    standing: Standing
    accounts: int
    dollars: Decimal


@dataclass(frozen=True)
class Month:
    """How far the cycle is with a month."""

    month: date
    shares: list[Share]
    runs: list[CycleRun]

    @property
    def accounts(self) -> int:
        return sum(share.accounts for share in self.shares)

    def share(self, standing: Standing) -> Share:
        return next(share for share in self.shares if share.standing == standing)

    @property
    def is_moving(self) -> bool:
        """Whether it may look different soon."""
        return bool(self.runs) or self.share(Standing.CARD).accounts > 0


class Watched(Protocol):
    """What a run did so far."""

    on: date
    month: date

    def as_dict(self) -> dict[str, Any]: ...


def of_month(month: date, *, now: datetime) -> Month:
    """The accounts of ``month`` by where they stand, and the runs that are under way."""
    rows = Cycle.objects.filter(month=month).with_standing().order_by().values("stands")  # type: ignore[misc]
    found = {row["stands"]: row for row in rows.annotate(accounts=Count("pk"), dollars=Sum(F("net") + F("tax")))}
    # By the invoices: the row of an account that was billed in two parts knows the second alone.
    billed = Invoice.objects.filter(month=month).aggregate(dollars=Sum(F("net") + F("tax")))["dollars"]
    shares = []
    for standing in Standing:
        row = found.get(standing, {})
        dollars = billed if standing == Standing.SETTLED else row.get("dollars")
        shares.append(Share(standing, row.get("accounts", 0), dollars or ZERO))
    runs = CycleRun.objects.under_way().filter(month=month, is_dry_run=False).order_by("pk")
    return Month(month, shares, [run for run in runs if run.state(now=now) == CycleRun.State.UNDER_WAY])


def accounts_of(month: date) -> dict[Standing, int]:
    """How many accounts of ``month`` stand where, without their dollars: those take longer to add up."""
    rows = Cycle.objects.filter(month=month).with_standing().order_by().values_list("stands")  # type: ignore[misc]
    found = dict(rows.annotate(accounts=Count("pk")))
    return {standing: found.get(standing, 0) for standing in Standing}


def months_known(*, today: date) -> list[date]:
    """The months that the cycle has collected or collects today, the newest first."""
    found = Cycle.objects.aggregate(first=Min("month"), last=Max("month"))
    collected = months.collected(today)
    first, month = min(found["first"] or collected, collected), max(found["last"] or collected, collected)
    known = [month]
    while month > first:
        month = months.month_before(month)
        known.append(month)
    return known


@contextmanager
def watched(outcome: Watched, *, accounts: int, now: datetime) -> Iterator[Callable[[int], None]]:
    """Keep a row of a run that has ``accounts`` to look at, and of how it ends; none where it has nothing to do.

    Gives what is told how many more it has looked at.
    """
    if not accounts:
        yield lambda more: None
        return
    run = CycleRun.objects.create(
        on=outcome.on, month=outcome.month, accounts=accounts, started_at=now, progressed_at=clock.now()
    )
    row = CycleRun.objects.filter(pk=run.pk)
    try:
        yield lambda more: _note(row, more)
    except Exception as error:
        # Where it is the database that went away, it cannot be told so.
        with suppress(DatabaseError):
            row.update(problem=repr(error)[:300])
        raise
    row.update(finished_at=clock.now(), progressed_at=clock.now(), outcome=outcome.as_dict())


def note_that_it_goes_on(*, on: date, now: datetime) -> None:
    """The newest run of the business date ``on`` is alive: it charges cards, and that may take hours."""
    newest = CycleRun.objects.under_way().filter(is_dry_run=False, on=on).order_by("-pk").values("pk")[:1]
    CycleRun.objects.filter(pk__in=newest).update(progressed_at=now)


def _note(row: models.QuerySet[CycleRun], more: int) -> None:
    row.update(done=F("done") + more, progressed_at=clock.now())
