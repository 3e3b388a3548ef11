"""Rehearses the cycle: what it would charge, from what, and what would fail.

It looks with the cycle's own eyes (`billing/due.py`) and writes nothing but what it saw.
"""

import csv
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import Abs

from billing import due, months
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
}
# Older rehearsals say nothing any more.
KEPT = 5

_WRITE_DOWN = f"""
WITH {DUE}, {DECIDED}
INSERT INTO billing_rehearsedaccount
    (run_id, account_id, fate, services, net, tax, from_balance, from_card, last_net)
SELECT %(run)s, decided.account_id, CASE WHEN parked.id IS NULL THEN fate ELSE 'parked' END, services, net, tax,
    CASE WHEN parked.id IS NOT NULL THEN 0 WHEN fate = 'balance' THEN total
         WHEN fate = 'card' THEN greatest(total - asked_of_card, 0) ELSE 0 END,
    CASE WHEN parked.id IS NULL AND fate = 'card' THEN asked_of_card ELSE 0 END,
    coalesce((
        SELECT sum(invoice.net) FROM billing_invoice invoice
        WHERE invoice.account_id = decided.account_id AND invoice.month = %(last_month)s
    ), 0)
FROM decided
LEFT JOIN billing_parkedaccount parked ON parked.account_id = decided.account_id AND parked.released_at IS NULL
"""  # noqa: S608 (nothing in it comes from outside)


def begin(*, on: date, now: datetime) -> CycleRun:
    """A rehearsal to be carried out, of what the cycle would collect on the business date ``on``."""
    month = months.collected(on) if on.day >= months.CYCLE_STARTS_ON_DAY else months.next_month(on)
    return CycleRun.objects.create(on=on, month=month, is_dry_run=True, started_at=now)


def rehearse(run: CycleRun, *, now: Callable[[], datetime], say: Callable[[CycleRun], None] = lambda run: None) -> None:
    """Carry a rehearsal out, thousands of accounts at a time; ``say`` hears after each how far it is.

    Safe to begin again: what was seen before is thrown away.
    """
    RehearsedAccount.objects.filter(run=run).delete()
    run.accounts, run.done, after = _accounts(run.month), 0, 0
    while accounts := due.owing(month=run.month, after=after, most=CHUNK):
        facts = facts_of(accounts=accounts, month=run.month, today=run.on, balance_alone=False)
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_DOWN, facts | {"run": run.pk, "last_month": months.month_before(run.month)})
        run.done += len(accounts)
        run.save(update_fields=["accounts", "done"])
        say(run)
        after = accounts[-1]
    run.outcome, run.finished_at = figures(run), now()
    run.save(update_fields=["outcome", "finished_at", "accounts", "done"])
    _forget_older()


def figures(run: CycleRun) -> dict[str, Any]:
    """What the rehearsal found, in numbers: accounts and dollars by fate."""
    rows = (
        run.rehearsed.order_by()
        .values("fate")
        .annotate(
            accounts=Count("pk"), total=Sum(F("net") + F("tax")), balance=Sum("from_balance"), card=Sum("from_card")
        )
    )
    found = {row["fate"]: row for row in rows}
    figure: dict[str, Any] = {"on": str(run.on), "month": str(run.month)}
    for fate in RehearsedAccount.Fate.values:
        row: dict[str, Any] = dict(found.get(fate, {}))
        figure[fate] = {
            "accounts": row.get("accounts", 0),
            "total": _dollars(row.get("total")),
            "from_balance": _dollars(row.get("balance")),
            "from_card": _dollars(row.get("card")),
        }
    return figure


def changed_most(run: CycleRun) -> QuerySet[RehearsedAccount]:
    """The accounts of a rehearsal, those first whose bill differs most from the month before."""
    difference = F("net") - F("last_net")
    return run.rehearsed.annotate(difference=difference, size=Abs(difference)).order_by("-size", "account")


def write_csv(run: CycleRun, file: Any) -> None:
    """Every account of a rehearsal for a spreadsheet, largest difference first."""
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(changed_most(run).values_list(*CSV_COLUMNS.values()).iterator(chunk_size=2_000))


def _accounts(month: date) -> int:
    held = Service.objects.held().filter(paid_until__lt=month)
    return held.aggregate(accounts=Count("account", distinct=True))["accounts"]


def _dollars(amount: Decimal | None) -> str:
    return f"{amount or Decimal(0):.4f}"


def _forget_older() -> None:
    kept = CycleRun.objects.filter(is_dry_run=True).order_by("-pk").values("pk")[:KEPT]
    CycleRun.objects.filter(is_dry_run=True).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
