"""Movements of money on given days of 2027, for tests of what reads them back."""

from datetime import datetime
from decimal import Decimal
from itertools import count

from accounts.models import Account
from billing import ledger
from billing.models import LedgerAccount, Transfer
from callcentric.clock import BUSINESS_ZONE

House = LedgerAccount.Kind
Kind = Transfer.Kind
_numbers = count(1)


def at(month: int, day: int, hour: int = 12, *, year: int = 2027, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=BUSINESS_ZONE)


def put_in(account: Account, amount: str, when: datetime, *, kind=Kind.DEPOSIT, memo="Visa 4242", house=None, **more):
    """Money that comes into the balance."""
    return ledger.post(
        key=f"in:{next(_numbers)}",
        kind=kind,
        source=ledger.house(house or House.CARDS),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo=memo,
        made_at=when,
        **more,
    )


def charge(account: Account, net: str, tax: str, when: datetime, *, memo="Order ABC", key=""):
    return ledger.charge(
        account=account,
        key=key or f"order:{next(_numbers)}",
        net=Decimal(net),
        tax=Decimal(tax),
        memo=memo,
        made_at=when,
    )


def refund(account: Account, net: str, tax: str, when: datetime, *, of: Transfer, memo="Order ABC"):
    return ledger.refund(
        account=account,
        charge_key=of.key,
        key=f"refund:{next(_numbers)}",
        net=Decimal(net),
        tax=Decimal(tax),
        memo=memo,
        made_at=when,
    )
