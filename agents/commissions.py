"""What an agent has earned, by month and by client: read from the ledger, in dollars with all four places.

Commission is a transfer to the agent's ledger account, on the charge that a client has paid; taken back, it is one
from there, on the client's refund. Each counts in the month in which it was moved, so a month may be below zero. Of a
client, an agent sees the end of the 1777 number and the day of sign-up, and nothing else (domain.md §8).
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, Q, QuerySet, Sum, When
from django.db.models.functions import TruncMonth

from accounts.models import Account
from billing import months
from billing.history import harmless
from billing.models import LedgerAccount, Transfer
from callcentric.clock import BUSINESS_ZONE
from callcentric.money import ZERO

CSV_HEADER = ("Month", "Client", "Signed up", "Commission")


@dataclass(frozen=True)
class Client:
    """All that an agent sees of a client, with what the client has brought."""

    number: str
    signed_up_on: date
    this_month: Decimal
    total: Decimal


@dataclass(frozen=True)
class Share:
    """What one client has brought in one month."""

    month: date
    number: str
    signed_up_on: date
    amount: Decimal


def by_month(agent: LedgerAccount) -> dict[date, Decimal]:
    """What was earned in each month in which commission has moved, newest first, by the month's first day."""
    sums = _moved(agent).values_list("month").annotate(Sum("net")).order_by("-month")
    return {month.date(): net for month, net in sums}


def last_twelve(earned: dict[date, Decimal], *, today: date) -> dict[date, Decimal]:
    """The same for the month of ``today`` and the eleven before it, oldest first and the empty ones too."""
    first = months.next_month(today).replace(year=months.next_month(today).year - 1)
    return {month: earned.get(month, ZERO) for month in months.between(first, today)}


def still_owed(agent: LedgerAccount) -> Decimal:
    """What is to be taken back and was not in the balance: it is taken from what is earned next."""
    left: Decimal = agent.owed_commissions.unpaid().aggregate(left=Sum("left", default=ZERO))["left"]
    return left


def clients_of(account: Account) -> QuerySet[Account]:
    """The agent's clients, newest first."""
    return account.clients.order_by("-pk")


def with_commission(agent: LedgerAccount, clients: Sequence[Account], *, today: date) -> list[Client]:
    """These clients of the agent's with what each has brought: two queries, however many there are."""
    moved = Transfer.objects.filter(kind=Transfer.Kind.COMMISSION)
    paid = moved.filter(target=agent, commission_on__source__account__in=clients)
    refunded = moved.filter(source=agent, commission_on__target__account__in=clients)
    earned = _sums(paid, "commission_on__source__account", today)
    taken_back = _sums(refunded, "commission_on__target__account", today)
    nothing = (ZERO, ZERO)
    found = []
    for client in clients:
        (plus, plus_now), (minus, minus_now) = earned.get(client.pk, nothing), taken_back.get(client.pk, nothing)
        found.append(Client(masked(client.number), _signed_up_on(client), plus_now - minus_now, plus - minus))
    return found


def by_client(agent: LedgerAccount, *, month: date | None = None) -> QuerySet[Any, Any]:
    """Month, client and amount, for ``shares``: newest month and newest client first; ``month``: of that one alone."""
    moved = _moved(agent)
    if month:
        moved = moved.filter(
            made_at__gte=months.begins_at(month), made_at__lt=months.begins_at(months.next_month(month))
        )
    client = Case(
        When(target=agent, then=F("commission_on__source__account")), default=F("commission_on__target__account")
    )
    return (
        moved.annotate(client=client).values_list("month", "client").annotate(Sum("net")).order_by("-month", "-client")
    )


def shares(found: Iterable[tuple[Any, int, Decimal]]) -> list[Share]:
    """What ``by_client`` has found, or a part of it, as the agent reads it."""
    found = list(found)
    clients = Account.objects.in_bulk({client for _, client, _ in found})
    # Once for each client, however many months there are.
    known = {pk: (masked(client.number), _signed_up_on(client)) for pk, client in clients.items()}
    return [Share(month.date(), *known[pk], amount) for month, pk, amount in found]


def write_csv(found: Iterable[Share], file: Any) -> None:
    """For a spreadsheet: amounts with all four places, texts that cannot act as formulas."""
    writer = csv.writer(file)
    writer.writerow(CSV_HEADER)
    for share in found:
        signed_up_on = share.signed_up_on.isoformat()
        writer.writerow([f"{share.month:%Y-%m}", harmless(share.number), signed_up_on, f"{share.amount:.4f}"])


def masked(number: str) -> str:
    """A 1777 number of which only the end is told: enough to know somebody again who says theirs."""
    return f"{number[:4]} ••• {number[-4:]}"


def _moved(agent: LedgerAccount) -> Any:
    """Every movement of the agent's commission, with its ``month`` and ``net``: below zero where it was taken back."""
    return (
        Transfer.objects.of(agent)
        .filter(kind=Transfer.Kind.COMMISSION)
        .annotate(
            month=TruncMonth("made_at", tzinfo=BUSINESS_ZONE),
            net=Case(When(target=agent, then=F("amount")), default=-F("amount")),
        )
    )


def _sums(moved: QuerySet[Transfer], client: str, today: date) -> dict[int, tuple[Decimal, Decimal]]:
    """By client: the sum of all, and of the month of ``today``."""
    this_month = Q(made_at__gte=months.begins_at(today))
    sums = moved.values_list(client).annotate(total=Sum("amount"), now=Sum("amount", filter=this_month, default=ZERO))
    return {pk: (total, now) for pk, total, now in sums}


def _signed_up_on(client: Account) -> date:
    return client.opened_at.astimezone(BUSINESS_ZONE).date()
