"""What a statement says, the same for its page, its PDF and its CSV file."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch

from accounts.models import Account
from billing import history, ledger, months
from billing.history import Line, Paid
from billing.models import Invoice, InvoiceLine, LedgerAccount, Service, Statement, Transfer
from callcentric.money import ZERO, to_cents
from catalog.models import Product

Kind = Transfer.Kind
# What the movements of a kind are called together, where they come in and where they go out.
COMING_IN = {
    Kind.DEPOSIT: "Deposits",
    Kind.CARD_PAYMENT: "Card payments",
    Kind.CREDIT: "Credits",
    Kind.COMMISSION: "Commission",
    Kind.REFUND: "Refunds",
    Kind.CHARGE: "Charges taken back",
}
GOING_OUT = {
    Kind.CHARGE: "Charges",
    Kind.REFUND: "Refunds to your cards",
    Kind.DEPOSIT: "Deposits taken back",
    Kind.CARD_PAYMENT: "Card payments taken back",
    Kind.CREDIT: "Corrections",
    Kind.COMMISSION: "Commission taken back",
}
TAX = "Tax"
TAX_BACK = "Tax refunded"
CSV_HEADER = ("Statement", *history.CSV_HEADER, "Services")


@dataclass(frozen=True)
class Contents:
    statement: Statement
    # Oldest first; a renewal's with what it paid for.
    lines: list[Line]
    # What moved, by kind: from the opening balance to the closing balance.
    totals: list[tuple[str, Decimal]]

    @property
    def first_day(self) -> date:
        return self.statement.month

    @property
    def last_day(self) -> date:
        return months.last_day(self.statement.month)

    @property
    def has_fractions(self) -> bool:
        """Whether an amount has more places than the cents that are shown."""
        shown = [amount for line in self.lines for amount in (line.amount, line.tax)]
        return any(amount != to_cents(amount) for amount in [self.statement.opening, *shown])


def contents_of(statement: Statement) -> Contents:
    """Everything that a statement says. As many queries, however many lines there are."""
    customer = ledger.of(statement.account)
    found = list(history.transfers(customer).filter(pk__gt=statement.after, pk__lte=statement.through).order_by("pk"))
    paid = _paid_by_renewals(statement.account, found)
    lines = [
        replace(line, paid=paid.get(transfer.key, ()))
        for transfer, line in zip(found, history.lines(found, customer), strict=True)
    ]
    return Contents(statement, lines, _totals(found, customer))


def first_comes_on(account: Account, *, today: date) -> date | None:
    """When the first statement of an account that has none comes; None where it is being made now.

    It comes on the 1st for what has moved before it.
    """
    moved = Transfer.objects.of(ledger.of(account))
    return None if moved.filter(made_at__lt=months.begins_at(today)).exists() else months.next_month(today)


def write_csv(contents: Contents, file: Any) -> None:
    """The lines between the two balances, with all four places. Amounts and taxes add up to what lies between them."""
    writer = csv.writer(file)
    number = str(contents.statement)
    writer.writerow(CSV_HEADER)
    opening, closing = contents.statement.opening, contents.statement.closing
    writer.writerow([number, contents.first_day.isoformat(), "Opening balance", "", "", "", opening, ""])
    for line in contents.lines:
        paid = "; ".join(f"{each.what}: {each.amount}" for each in line.paid)
        writer.writerow([number, *history.cells(line), history.harmless(paid)])
    writer.writerow([number, contents.last_day.isoformat(), "Closing balance", "", "", "", closing, ""])


def _totals(found: Iterable[Transfer], customer: LedgerAccount) -> list[tuple[str, Decimal]]:
    sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for transfer in found:
        comes_in = transfer.target_id == customer.pk
        names, sign = (COMING_IN, 1) if comes_in else (GOING_OUT, -1)
        sums[names[Kind(transfer.kind)]] += sign * transfer.amount
        tax: Transfer | None = getattr(transfer, "tax", None)
        if tax:
            sums[TAX_BACK if comes_in else TAX] += sign * tax.amount
    ordered = [*COMING_IN.values(), TAX_BACK, *GOING_OUT.values(), TAX]
    return [(name, sums[name]) for name in ordered if name in sums]


def _paid_by_renewals(account: Account, found: Iterable[Transfer]) -> dict[str, tuple[Paid, ...]]:
    """What each renewal among ``found`` paid for, by the transfer's key."""
    keys = {transfer.key for transfer in found if transfer.kind == Kind.CHARGE}
    renewals = {key for key in keys if key.startswith("renewal:")}
    if not renewals:
        return {}
    # renewal:{account}:{month}:{part}
    paid_for = {date.fromisoformat(f"{key.split(':')[2]}-01") for key in renewals}
    lines = InvoiceLine.objects.select_related(
        "service__product", "service__phone_number", "service__number_service__phone_number"
    ).order_by("pk")
    invoices = Invoice.objects.filter(account=account, month__in=paid_for).prefetch_related(Prefetch("lines", lines))
    return {invoice.key: tuple(_paid(invoice)) for invoice in invoices if invoice.key in renewals}


def _paid(invoice: Invoice) -> Iterator[Paid]:
    """The services of an invoice in words; extra channels of one number are one line."""
    sums: dict[str, tuple[int, Decimal]] = {}
    for line in invoice.lines.all():
        what = _in_words(line.service)
        number, amount = sums.get(what, (0, ZERO))
        sums[what] = number + 1, amount + line.amount
    for what, (number, amount) in sums.items():
        yield Paid(f"{number} × {what}" if number > 1 else what, amount)


def _in_words(service: Service) -> str:
    if service.kind == Product.Kind.CHANNEL and service.number_service:
        return f"{service.product.name} on {service.number_service.phone_number}"
    return f"{service.product.name} {service.phone_number}" if service.phone_number else service.product.name
