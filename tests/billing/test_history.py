"""The customer's transactions: what a line says, filters, CSV."""

import csv
import io
from datetime import date, datetime
from decimal import Decimal

import pytest

from billing import history, ledger
from billing.models import LedgerAccount, Transfer
from callcentric.clock import BUSINESS_ZONE

House = LedgerAccount.Kind


def at(month, day, hour=12) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=BUSINESS_ZONE)


def deposit(account, amount, when, *, memo="Visa 4242") -> Transfer:
    return ledger.post(
        key=f"deposit:{account.pk}:{when}:{memo}",
        kind=Transfer.Kind.DEPOSIT,
        source=ledger.house(House.CARDS),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo=memo,
        made_at=when,
    )


def charge(account, net, tax, when) -> Transfer:
    return ledger.charge(
        account=account, key=f"order:{when}", net=Decimal(net), tax=Decimal(tax), memo="Order ABC", made_at=when
    )


@pytest.fixture
def customer(alice) -> LedgerAccount:
    deposit(alice, "20.00", at(1, 11))
    charge(alice, "4.00", "0.36", at(1, 31, 23))
    deposit(alice, "5.00", at(2, 1, 0))
    return ledger.of(alice)


def lines(customer, **chosen):
    return [
        (line.on, line.kind, line.source, line.amount, line.tax, line.balance)
        for line in history.lines(history.transfers(customer, **chosen), customer)
    ]


DEPOSIT = (date(2027, 1, 11), "Deposit", "Visa 4242", 20, 0, 20)
CHARGE = (date(2027, 1, 31), "Charge", "Order ABC", -4, Decimal("-0.36"), Decimal("15.64"))
LATER = (date(2027, 2, 1), "Deposit", "Visa 4242", 5, 0, Decimal("20.64"))


def test_a_charge_and_its_tax_are_one_line_newest_first(customer):
    assert lines(customer) == [LATER, CHARGE, DEPOSIT]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"kind": "deposit"}, [LATER, DEPOSIT]),
        ({"kind": "charge"}, [CHARGE]),
        ({"month": date(2027, 1, 1)}, [CHARGE, DEPOSIT]),
        ({"month": date(2027, 2, 1)}, [LATER]),
        ({"month": date(2027, 2, 1), "kind": "charge"}, []),
    ],
)
def test_filters(customer, chosen, expected):
    """A month is one in New York: the charge an hour before February is January's."""
    assert lines(customer, **chosen) == expected


def test_another_customers_are_not_among_them(customer, bob):
    deposit(bob, "9.00", at(1, 12))
    assert len(lines(customer)) == 3


def test_the_months_in_which_money_moved(customer):
    assert history.months_of(customer) == [date(2027, 2, 1), date(2027, 1, 1)]


def test_the_lines_take_one_query(customer, alice, django_assert_num_queries):
    for day in range(1, 4):
        charge(alice, "1.00", "0.09", at(3, day))
    with django_assert_num_queries(1):
        assert len(lines(customer)) == 6


@pytest.mark.parametrize("memo", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_has_no_formulas(alice, memo):
    deposit(alice, "20.00", at(1, 11), memo=memo)
    customer, file = ledger.of(alice), io.StringIO()
    history.write_csv(history.transfers(customer), customer, file)
    assert list(csv.reader(io.StringIO(file.getvalue()))) == [
        ["Date", "Type", "Source", "Amount", "Tax", "Balance"],
        ["2027-01-11", "Deposit", f"'{memo}", "20.0000", "0.0000", "20.0000"],
    ]
