"""What a rehearsal has found, as its page shows it."""

from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.http import QueryDict

from billing import rehearsal
from billing.admin.charts import Part, from_the_left, from_the_middle
from billing.models import CycleRun, RehearsedAccount

Fate = RehearsedAccount.Fate
UNPAID = (Fate.FAIL, Fate.PARKED)
CHANGES = {"more": "Pay more", "less": "Pay less", "same": "Pay the same"}
ON_A_PAGE = 50
# Of those that would not be paid, as many are named on the page at once.
NAMED = 10


def total(run: CycleRun) -> Decimal:
    """What would be charged, in dollars."""
    return sum((Decimal(run.outcome[fate]["total"]) for fate in (Fate.BALANCE, Fate.CARD)), Decimal(0))


def found(run: CycleRun, asked: QueryDict) -> dict[str, Any]:
    """Figures and bars by fate and by difference, those that would not be paid, and a page of all accounts."""
    fate = asked.get("fate", "")
    rows = rehearsal.changed_most(run).select_related("account")
    chosen = rows.filter(fate=fate) if fate in Fate.values else rows
    unpaid = rows.filter(fate__in=UNPAID).order_by("-net", "account")
    return {
        "total": total(run),
        "fates": _fates(run),
        "changes": _changes(run),
        "unpaid": unpaid[:NAMED],
        "unpaid_accounts": sum(run.outcome[fate]["accounts"] for fate in UNPAID),
        "choices": [("", "All"), *Fate.choices],
        "fate": fate if fate in Fate.values else "",
        "page": Paginator(chosen, ON_A_PAGE).get_page(asked.get("page")),
    }


def _fates(run: CycleRun) -> list[dict[str, Any]]:
    amounts = ("total", "from_balance", "from_card")
    rows = [
        {"fate": fate, "accounts": run.outcome[fate]["accounts"]}
        | {name: Decimal(run.outcome[fate][name]) for name in amounts}
        for fate in Fate
    ]
    bars = from_the_left([Part(row["fate"], row["fate"].label, row["total"]) for row in rows])
    return [row | {"bar": bar} for row, bar in zip(rows, bars, strict=True)]


def _changes(run: CycleRun) -> list[dict[str, Any]]:
    found = {name: run.outcome[name] for name in CHANGES}
    parts = [Part(name, CHANGES[name], Decimal(found[name]["difference"])) for name in CHANGES]
    bars = zip(parts, from_the_middle(parts), strict=True)
    return [
        {"label": part.label, "accounts": found[part.name]["accounts"], "difference": part.value, "bar": bar}
        for part, bar in bars
    ]
