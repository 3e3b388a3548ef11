"""An account's movements of money as its customer reads them: a charge and its tax are one line."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from billing import months
from billing.models import LedgerAccount, Transfer
from callcentric import clock
from callcentric.money import ZERO

# A spreadsheet takes a text that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
CSV_HEADER = ("Date", "Type", "Source", "Amount", "Tax", "Balance")


@dataclass(frozen=True)
class Paid:
    """What a renewal paid for: a product, what it is on, and how much that was, without tax."""

    what: str
    amount: Decimal


@dataclass(frozen=True)
class Line:
    """One line of the history: ``amount`` and ``tax`` are below zero where money went out."""

    on: date
    kind: str
    source: str
    amount: Decimal
    tax: Decimal
    balance: Decimal | None
    # Told on statements.
    paid: tuple[Paid, ...] = ()

    @property
    def total(self) -> Decimal:
        return self.amount + self.tax


def transfers(customer: LedgerAccount, *, kind: str = "", month: date | None = None) -> QuerySet[Transfer]:
    """The customer's movements, newest first, without the taxes: each comes with the charge it is on."""
    found = Transfer.objects.of(customer).exclude(kind=Transfer.Kind.TAX)
    if kind:
        found = found.filter(kind=kind)
    if month:
        found = found.filter(
            made_at__gte=months.begins_at(month), made_at__lt=months.begins_at(months.next_month(month))
        )
    return found.select_related("tax").order_by("-pk")


def lines(found: Iterable[Transfer], customer: LedgerAccount) -> list[Line]:
    return [_line(transfer, customer) for transfer in found]


def months_of(customer: LedgerAccount) -> list[date]:
    """The months in which money moved, newest first."""
    return [moved.date() for moved in Transfer.objects.of(customer).datetimes("made_at", "month", order="DESC")]


def write_csv(found: Iterable[Transfer], customer: LedgerAccount, file: Any) -> None:
    """The same lines for a spreadsheet: amounts with all four places, texts that cannot act as formulas."""
    writer = csv.writer(file)
    writer.writerow(CSV_HEADER)
    writer.writerows(cells(line) for line in lines(found, customer))


def cells(line: Line) -> Iterator[str]:
    """A line as a row of a spreadsheet, in the order of CSV_HEADER."""
    yield line.on.isoformat()
    yield line.kind
    yield harmless(line.source)
    yield str(line.amount)
    yield str(line.tax)
    yield "" if line.balance is None else str(line.balance)


def harmless(text: str) -> str:
    """``text`` such that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _line(transfer: Transfer, customer: LedgerAccount) -> Line:
    tax: Transfer | None = getattr(transfer, "tax", None)
    last = tax or transfer
    comes_in = transfer.target_id == customer.pk
    sign = 1 if comes_in else -1
    return Line(
        on=transfer.made_at.astimezone(clock.BUSINESS_ZONE).date(),
        kind=transfer.get_kind_display(),
        source=transfer.memo,
        amount=sign * transfer.amount,
        tax=sign * tax.amount if tax else ZERO,
        balance=last.target_balance if last.target_id == customer.pk else last.source_balance,
    )
