"""Rehearses the cycle: what it would charge, from what, and what would fail.

It looks with the cycle's own eyes (`billing/due.py`) and writes nothing but what it saw.
"""

import csv
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Aggregate, Count, F, Q, QuerySet, Sum
from django.db.models.functions import Abs

from billing import due, months, settling
from billing.due import DECIDED, DUE, facts_of
from billing.models import CycleRun, RehearsedAccount, Service

CHUNK = 5_000
CSV_COLUMNS = {
    "Account": "account__number",
    "Fate": "fate",
    "Services": "services",
    "Net": "net",
    "Tax": "tax",
    "From balance": "from_balance",
    "From card": "from_card",
    "Last month": "last_net",
    "Difference": "difference",
    "Why not": "problem",
}
# Older rehearsals say nothing any more.
KEPT = 5

_WRITE_DOWN = f"""
WITH {DUE}, {DECIDED}, foreseen AS (
    SELECT decided.*, parked.reason, CASE WHEN parked.id IS NULL THEN fate ELSE 'parked' END AS outcome
    FROM decided
    LEFT JOIN billing_parkedaccount parked ON parked.account_id = decided.account_id AND parked.released_at IS NULL
)
INSERT INTO billing_rehearsedaccount
    (run_id, account_id, fate, services, net, tax, from_balance, from_card, last_net, problem)
SELECT %(run)s, account_id, outcome, services, net, tax,
    CASE outcome WHEN 'balance' THEN total WHEN 'card' THEN greatest(total - asked_of_card, 0) ELSE 0 END,
    CASE outcome WHEN 'card' THEN asked_of_card ELSE 0 END,
    coalesce((
        SELECT sum(invoice.net) FROM billing_invoice invoice
        WHERE invoice.account_id = foreseen.account_id AND invoice.month = %(last_month)s
    ), 0),
    CASE outcome WHEN 'parked' THEN coalesce(reason, %(no_price)s) WHEN 'fail' THEN
        'The balance of $' || trunc(balance, 2) || ' does not cover it, and ' ||
        CASE WHEN EXISTS (
            SELECT FROM billing_card card
            WHERE card.account_id = foreseen.account_id AND card.account_id = ANY(%(accounts)s) AND removed_at IS NULL
        ) THEN 'the card will have expired.' ELSE 'there is no card.' END
    ELSE '' END
FROM foreseen
"""  # noqa: S608 (nothing in it comes from outside)


class TakenOver(Exception):
    """Another process carries this rehearsal out: nothing was heard of this one for too long."""


def begin(*, on: date, now: datetime) -> CycleRun:
    """A rehearsal to be carried out, of what the cycle would collect on the business date ``on``."""
    month = months.collected(on) if on.day >= months.CYCLE_STARTS_ON_DAY else months.next_month(on)
    return CycleRun.objects.create(on=on, month=month, is_dry_run=True, started_at=now)


def rehearse(run: CycleRun, *, now: Callable[[], datetime], say: Callable[[CycleRun], None] = lambda run: None) -> bool:
    """Carry a rehearsal out, thousands of accounts at a time; ``say`` hears after each how far it is.

    False where another process carries it out, or where it is over. What a process that died has left is begun anew,
    and thrown away first. Where the database goes away it can be begun again too; a fault of ours ends it, because the
    next time would end in the same way, and nobody would know.
    """
    try:
        if not _take(run, now()):
            return False
        _look_at_all(run, now, say)
    except TakenOver:
        return False
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        CycleRun.objects.filter(pk=run.pk, finished_at__isnull=True).update(problem=repr(error)[:300])
        raise
    _forget_older()
    return True


@transaction.atomic
def _take(run: CycleRun, at: datetime) -> bool:
    """Have it to ourselves: of several that come for it, the row lets one."""
    if not CycleRun.objects.to_rehearse(now=at).filter(pk=run.pk).update(progressed_at=at, done=0):
        return False
    RehearsedAccount.objects.filter(run=run).delete()
    run.accounts, run.done, run.progressed_at = _accounts(run.month), 0, at
    return True


def _look_at_all(run: CycleRun, now: Callable[[], datetime], say: Callable[[CycleRun], None]) -> None:
    after = 0
    while accounts := due.owing(month=run.month, after=after, most=CHUNK):
        _look_at(run, accounts, now())
        say(run)
        after = accounts[-1]
    run.outcome, run.finished_at = figures(run), now()
    _keep(run, run.finished_at, outcome=run.outcome, finished_at=run.finished_at)


@transaction.atomic
def _look_at(run: CycleRun, accounts: list[int], at: datetime) -> None:
    facts = facts_of(accounts=accounts, month=run.month, today=run.on, balance_alone=False)
    facts |= {"run": run.pk, "last_month": months.month_before(run.month), "no_price": settling.NO_PRICE}
    run.done += len(accounts)
    # Before it writes: whoever has taken over has written the same accounts.
    _keep(run, at, accounts=run.accounts, done=run.done)
    with connection.cursor() as cursor:
        due.plan_for_many(cursor, accounts)
        cursor.execute(_WRITE_DOWN, facts)


def _keep(run: CycleRun, at: datetime, **values: Any) -> None:
    """Write down how far it is, and that we live; raises TakenOver where the row says that it is another's now."""
    if not CycleRun.objects.filter(pk=run.pk, progressed_at=run.progressed_at).update(progressed_at=at, **values):
        raise TakenOver
    run.progressed_at = at


def figures(run: CycleRun) -> dict[str, Any]:
    """What the rehearsal found, in numbers: accounts and dollars by fate, and who pays more or less than last month."""
    rows = (
        run.rehearsed.order_by()
        .values("fate")
        .annotate(
            accounts=Count("pk"), dollars=Sum(F("net") + F("tax")), balance=Sum("from_balance"), card=Sum("from_card")
        )
    )
    found = {row["fate"]: row for row in rows}
    figure: dict[str, Any] = {"on": str(run.on), "month": str(run.month), **_changes(run)}
    for fate in RehearsedAccount.Fate.values:
        row: dict[str, Any] = dict(found.get(fate, {}))
        figure[fate] = {
            "accounts": row.get("accounts", 0),
            "total": _dollars(row.get("dollars")),
            "from_balance": _dollars(row.get("balance")),
            "from_card": _dollars(row.get("card")),
        }
    return figure


def _changes(run: CycleRun) -> dict[str, dict[str, Any]]:
    change = F("net") - F("last_net")
    kinds = {"more": Q(net__gt=F("last_net")), "less": Q(net__lt=F("last_net")), "same": Q(net=F("last_net"))}
    wanted: dict[str, Aggregate] = {f"{kind}_accounts": Count("pk", filter=rows) for kind, rows in kinds.items()}
    wanted |= {f"{kind}_dollars": Sum(change, filter=rows) for kind, rows in kinds.items()}
    found = run.rehearsed.aggregate(**wanted)
    return {
        kind: {"accounts": found[f"{kind}_accounts"], "difference": _dollars(found[f"{kind}_dollars"])}
        for kind in kinds
    }


def changed_most(run: CycleRun) -> QuerySet[RehearsedAccount]:
    """The accounts of a rehearsal, those first whose bill differs most from the month before."""
    difference = F("net") - F("last_net")
    return run.rehearsed.annotate(difference=difference, size=Abs(difference)).order_by("-size", "account")


def csv_lines(run: CycleRun) -> Iterator[str]:
    """Every account of a rehearsal for a spreadsheet, largest difference first, line by line."""
    writer = csv.writer(_Echo())
    yield writer.writerow(CSV_COLUMNS)
    for row in changed_most(run).values_list(*CSV_COLUMNS.values()).iterator(chunk_size=2_000):
        yield writer.writerow(row)


class _Echo:
    """Where a csv.writer writes to when what it writes is to be handed on."""

    def write(self, line: str) -> Any:
        return line


def _accounts(month: date) -> int:
    held = Service.objects.held().filter(paid_until__lt=month)
    return held.aggregate(accounts=Count("account", distinct=True))["accounts"]


def _dollars(amount: Decimal | None) -> str:
    return f"{amount or Decimal(0):.4f}"


def _forget_older() -> None:
    kept = CycleRun.objects.filter(is_dry_run=True).order_by("-pk").values("pk")[:KEPT]
    CycleRun.objects.filter(is_dry_run=True).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
