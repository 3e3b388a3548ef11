"""The month: renews every account's services once, tells what failed, and ends what was not paid (domain.md §6).

``run`` does whatever a business date calls for. What there is to do are rows, so it is safe to run again at any point,
as often as anybody likes and several at once: what is settled is no longer due, what was tried today is left alone, and
whatever a run that was killed has left is found by the next.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, F, Q

from billing import card_renewals, due, ending, mails, months, notices, parking, progress, settling
from billing.models import Cycle, ParkedAccount, Service
from billing.models.cycles import CycleQuerySet

log = structlog.get_logger(__name__)

# Accounts that are settled in one transaction: enough to be quick, few enough that nobody waits long for their locks.
CHUNK = 5_000
FORECAST_ON_DAY = 20
# Months before that are looked through for renewals that were left.
LOOKS_BACK = 3


@dataclass
class Outcome:
    """What one run did, by accounts (``ended``: by services)."""

    on: date
    month: date
    ended: int = 0
    planned: int = 0
    forecasts: int = 0
    settled: int = 0
    by_card: int = 0
    failed: int = 0
    parked: int = 0
    told: int = 0
    cancelled: int = 0
    parked_now: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {name: str(value) if isinstance(value, date) else value for name, value in asdict(self).items()}


# Told how many accounts a run has looked at, and of how many.
Say = Callable[[int, int], None]


def say_nothing(done: int, accounts: int) -> None:
    """Where nobody watches."""


def run(*, on: date, now: datetime, charge_cards: Callable[[], int], say: Say = say_nothing) -> Outcome:
    """Do what the business date ``on`` calls for; ``say`` hears how far it is.

    1. End what customers have cancelled and whose paid month is over.
    2. From the 20th on: tell every account what the next month will cost.
    3. Attempt: settle from balances, thousands of accounts at once; give each card its turn, and have them charged by
       ``charge_cards``, which hands them on or does it itself; settle what was topped up since.
    4. On the 1st, or later where the 1st was missed: cancel what has failed today once more and was told before.
    5. Tell whose renewal has failed, and why.
    """
    outcome = Outcome(on=on, month=months.collected(on))
    outcome.ended = ending.end_what_is_over(today=on, now=now)
    if FORECAST_ON_DAY <= on.day < months.CYCLE_STARTS_ON_DAY:
        outcome.planned += _plan_all(months.next_month(on))
        outcome.forecasts = notices.forecast_all(month=months.next_month(on), today=on)
    for month in sorted({*_left_over(outcome.month).values(), outcome.month}):
        attempt(outcome, month=month, now=now, charge_cards=charge_cards, say=say)
        if on >= month:
            outcome.cancelled += _cancel_unpaid(month, on, now)
        outcome.told += notices.tell_failed(month=month, today=on)
    outcome.parked_now = list(ParkedAccount.objects.open().values_list("account__number", flat=True)[:100])
    if outcome.settled or outcome.failed or outcome.by_card or outcome.cancelled:
        log.info("cycle run", **outcome.as_dict())
    return outcome


def attempt(
    outcome: Outcome, *, month: date, now: datetime, charge_cards: Callable[[], int], say: Say = say_nothing
) -> None:
    """Charge every account for ``month``: from balances, all at once, then by card, one by one."""
    today = outcome.on
    if month == outcome.month:
        outcome.planned += _plan_all(month)
    parking.catch_up(month)
    late = list(_left_over(month))
    before, waiting = _tried(month, today), _waiting(month, today, late).count()
    with progress.watched(outcome, accounts=waiting, now=now) as note:
        for done, chunk in _chunks(_waiting(month, today, late)):
            outcome.by_card += settling.settle_or_park(chunk, month=month, today=today, now=now)["card"]
            note(len(chunk))
            say(done, waiting)
        charge_cards()
        _settle_topped_up(month, today, now)
        card_renewals.call_off_needless(now=now)
        tried = _tried(month, today) - before
        outcome.settled += tried["settled"]
        outcome.failed += tried["failed"]
        outcome.parked += tried["parked"]


def _left_over(month: date) -> dict[int, date]:
    """Accounts with a renewal of a month before ``month`` that is still open: they were parked for so long."""
    earliest = month
    for _ in range(LOOKS_BACK):
        earliest = months.month_before(earliest)
    late = Cycle.objects.open().filter(month__gte=earliest, month__lt=month)
    return dict(late.order_by("-month").values_list("account", "month"))


def _plan_all(month: date) -> int:
    planned, after = 0, 0
    while accounts := due.owing(month=month, after=after, most=CHUNK):
        planned += settling.plan(accounts, month=month)
        after = accounts[-1]
    return planned


def _waiting(month: date, today: date, late: Collection[int]) -> CycleQuerySet:
    """The open cycles that were not tried today, but of accounts whose month before comes first."""
    not_today = Q(attempted_on__isnull=True) | ~Q(attempted_on=today)
    waiting = Cycle.objects.open().filter(not_today, month=month, turn_at__isnull=True)
    return waiting.exclude(account__in=late) if late else waiting


def _tried(month: date, today: date) -> Counter[str]:
    """How many accounts were tried today, by what became of it."""
    tried = Cycle.objects.filter(month=month, attempted_on=today).order_by().values("state")
    return Counter({row["state"]: row["accounts"] for row in tried.annotate(accounts=Count("pk"))})


def _chunks(waiting: CycleQuerySet) -> Iterator[tuple[int, list[int]]]:
    """Their accounts, so many at a time, each with how many that makes."""
    done, after = 0, 0
    while accounts := list(
        waiting.filter(account__gt=after).order_by("account").values_list("account", flat=True)[:CHUNK]
    ):
        done, after = done + len(accounts), accounts[-1]
        yield done, accounts


def _settle_topped_up(month: date, today: date, now: datetime) -> None:
    """Settle what has failed and what the balance covers now: money came in, by whatever road."""
    covers = Q(account__ledger_account__balance__gte=F("net") + F("tax"))
    failed = Cycle.objects.open().filter(covers, month=month, state=Cycle.State.FAILED, turn_at__isnull=True)
    accounts = list(failed.order_by("account").values_list("account", flat=True))
    for begin in range(0, len(accounts), CHUNK):
        chunk = accounts[begin : begin + CHUNK]
        settling.settle_or_park(chunk, month=month, today=today, now=now, balance_alone=True)


def _cancel_unpaid(month: date, today: date, now: datetime) -> int:
    failed = Cycle.objects.open().filter(
        month=month, state=Cycle.State.FAILED, attempted_on=today, told_on__lt=today, turn_at__isnull=True
    )
    return sum(_cancelled(cycle, today, now) for cycle in failed.select_related("payment").order_by("account"))


def _cancelled(cycle: Cycle, today: date, now: datetime) -> bool:
    try:
        if not card_renewals.call_off(cycle, now=now):
            return False
        return cancel_unpaid(cycle, today=today, now=now)
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("unpaid services not cancelled", cycle=cycle.pk)
        return False


@transaction.atomic
def cancel_unpaid(cycle: Cycle, *, today: date, now: datetime) -> bool:
    """Cancel the services of a cycle that was attempted today, failed, and whose customer was told before.

    Numbers are kept for their holder (domain.md §7). False where it was paid, or cancelled, meanwhile.
    """
    # Once more under the lock: what was put into the balance until now still pays for it.
    settling.settle([cycle.account_id], month=cycle.month, today=today, now=now, balance_alone=True)
    found = Cycle.objects.select_for_update(of=("self",)).select_related("account__user").get(pk=cycle.pk)
    is_due = found.state == Cycle.State.FAILED and found.cancelled_on is None and found.attempted_on == today
    if not is_due or found.told_on is None or found.told_on >= today:
        return False
    unpaid = [service for service, _ in due.services_due(account_id=found.account_id, month=found.month)]
    services = list(Service.objects.filter(pk__in=unpaid))
    ended = ending.end(services, reason=Service.Reason.FAILED_REBILLING, on=today, now=now)
    found.cancelled_on = today
    found.save(update_fields=["cancelled_on"])
    mails.services_cancelled(found, ended)
    return True
