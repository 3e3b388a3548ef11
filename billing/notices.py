"""Tells customers what the month brings: what will be charged, what failed and why. Each notice once (domain.md §6)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from billing import due, mails
from billing.due import Decided
from billing.models import Card, Cycle, Service
from callcentric.money import ZERO

log = structlog.get_logger(__name__)

# Customers that are written to between two looks at what is due.
CHUNK = 500


def forecast_all(*, month: date, today: date) -> int:
    """E-mail every account with services that continue what ``month`` will cost it, and from what; returns how many."""
    told, after = 0, 0
    untold = Cycle.objects.filter(month=month, state=Cycle.State.PLANNED, forecast_on__isnull=True)
    # One that somebody has locked is left to the next run.
    while accounts := list(
        untold.filter(account__gt=after).order_by("account").values_list("account", flat=True)[:CHUNK]
    ):
        decided = {each.account_id: each for each in due.decide(accounts=accounts, month=month, today=today)}
        told += sum(_safely(_forecast, account, decided.get(account), month, today) for account in accounts)
        after = accounts[-1]
    return told


def _safely(tell: Callable[..., bool], *about: Any) -> bool:
    try:
        return tell(*about)
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("notice not written", about=about[0])
        return False


@transaction.atomic
def _forecast(account: int, decided: Decided | None, month: date, today: date) -> bool:
    cycle = _locked(Cycle.objects.filter(account=account, month=month, forecast_on__isnull=True))
    if cycle is None:
        return False
    cycle.forecast_on = today
    cycle.save(update_fields=["forecast_on"])
    if decided is None:
        return False
    card = Card.objects.filter(pk=decided.card_id).first() if decided.card_id else None
    mails.renewal_forecast(cycle, decided, _lines(cycle), card)
    return True


def tell_failed(*, month: date, today: date) -> int:
    """E-mail those whose renewal failed today: the first time, and when the reason is another one; returns how many."""
    news = Q(told_on__isnull=True) | ~Q(told=F("problem"))
    failed = Cycle.objects.open().filter(news, month=month, state=Cycle.State.FAILED, attempted_on=today)
    cycles = failed.order_by("account").values_list("pk", flat=True)
    return sum(_safely(_tell, cycle, today) for cycle in cycles.iterator())


def ends_on(cycle: Cycle, *, today: date) -> date:
    """The day on which what is not paid will be cancelled: the 1st, or the day after the customer was told."""
    return max(cycle.month, (cycle.told_on or today) + timedelta(days=1))


@transaction.atomic
def _tell(pk: int, today: date) -> bool:
    cycle = _locked(Cycle.objects.open().filter(pk=pk, state=Cycle.State.FAILED, attempted_on=today))
    if cycle is None or (cycle.told_on and cycle.told == cycle.problem):
        return False
    cycle.told, cycle.told_on = cycle.problem, cycle.told_on or today
    cycle.save(update_fields=["told", "told_on"])
    mails.renewal_failed(cycle, _lines(cycle), ends_on(cycle, today=today))
    return True


def _locked(cycles: QuerySet[Cycle]) -> Cycle | None:
    return cycles.select_related("account__user").select_for_update(of=("self",), skip_locked=True).first()


def _lines(cycle: Cycle) -> list[mails.Line]:
    """The services that are due, each with its fee."""
    fees = dict(due.services_due(account_id=cycle.account_id, month=cycle.month))
    services = Service.objects.in_words().filter(pk__in=fees).order_by("pk")
    return [(service, fees[service.pk] or ZERO) for service in services]
