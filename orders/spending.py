"""What a customer has spent in the last 12 months, by kind: renewals and orders, less what was refunded."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum

from accounts.models import Account
from billing import months
from billing.models import Invoice, InvoiceLine
from billing.taxes import tax_on
from callcentric.clock import BUSINESS_ZONE
from callcentric.money import ZERO
from catalog.models import Product
from orders.models import Order, OrderLine

MONTHS = 12
SETUP, TAX = "setup", "tax"
# In the order in which they are stacked and listed.
KINDS = {
    Product.Kind.PLAN.value: "Rate plans",
    Product.Kind.DID.value: "Phone numbers",
    Product.Kind.CHANNEL.value: "Channels",
    Product.Kind.E911.value: "911",
    SETUP: "Set-up fees",
    TAX: "Tax",
}


@dataclass(frozen=True)
class Month:
    """What was spent in a calendar month: an amount for each of KINDS, in their order."""

    first_day: date
    amounts: tuple[Decimal, ...]

    @property
    def named(self) -> list[tuple[str, Decimal]]:
        return list(zip(KINDS.values(), self.amounts, strict=True))

    @property
    def total(self) -> Decimal:
        return sum(self.amounts, ZERO)


@dataclass(frozen=True)
class Spending:
    # Oldest first; the last one is the month that is going on.
    months: list[Month]

    @property
    def totals(self) -> list[tuple[str, Decimal]]:
        """What was spent in all these months on each of KINDS, in their order."""
        by_kind = zip(*(month.amounts for month in self.months), strict=True)
        return [(name, sum(amounts, ZERO)) for name, amounts in zip(KINDS.values(), by_kind, strict=True)]

    @property
    def total(self) -> Decimal:
        return sum((month.total for month in self.months), ZERO)


def spending(account: Account, *, today: date) -> Spending:
    """What ``account`` paid for in the month of ``today`` and the eleven before it, each when it was paid.

    What was refunded counts as if it had never been ordered. Three queries, however much there is.
    """
    first_days = months.between(_months_ago(today, MONTHS - 1), today)
    sums: defaultdict[tuple[date, str], Decimal] = defaultdict(lambda: ZERO)
    for when, kind, amount in _spent(account, since=months.begins_at(first_days[0])):
        sums[when.astimezone(BUSINESS_ZONE).date().replace(day=1), kind] += amount
    return Spending([Month(day, tuple(sums[day, kind] for kind in KINDS)) for day in first_days])


def _months_ago(today: date, number: int) -> date:
    years, month = divmod(today.year * 12 + today.month - 1 - number, 12)
    return date(years, month + 1, 1)


def _spent(account: Account, *, since: datetime) -> Iterator[tuple[datetime, str, Decimal]]:
    """When, on what, how much: of every renewal and of what stays of every order."""
    invoices = Invoice.objects.filter(account=account, issued_at__gte=since)
    yield from ((issued_at, TAX, tax) for issued_at, tax in invoices.values_list("issued_at", "tax"))
    lines = InvoiceLine.objects.filter(invoice__account=account, invoice__issued_at__gte=since)
    yield from lines.values_list("invoice__issued_at", "service__kind").annotate(Sum("amount"))
    yield from _ordered(account, since)


def _ordered(account: Account, since: datetime) -> Iterator[tuple[datetime, str, Decimal]]:
    kept = OrderLine.objects.filter(
        order__account=account,
        order__state=Order.State.COMPLETED,
        order__completed_at__gte=since,
        refunded_at__isnull=True,
    )
    stays: defaultdict[Order, Decimal] = defaultdict(lambda: ZERO)
    for line in kept.select_related("order", "product"):
        completed_at = line.order.completed_at
        assert completed_at  # noqa: S101 (asked for above; said for the type checker)
        yield completed_at, line.product.kind, line.this_month + line.next_month
        yield completed_at, SETUP, line.setup
        stays[line.order] += line.amount
    for order, amount in stays.items():
        # The share of the tax that a refund has left (see refunds.refund_of).
        yield order.completed_at, TAX, tax_on(amount, order.tax_rate)  # type: ignore[misc]
