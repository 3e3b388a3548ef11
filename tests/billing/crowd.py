"""Very many customers at once, and things that happen at the same moment, for the races of the month."""

import threading
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection

from accounts.models import Account, User
from billing.models import LedgerAccount, Service, Transfer
from callcentric import clock
from catalog.models import Product
from phone_numbers.models import PhoneNumber
from tests.billing.month import add_funds
from tests.factories import AccountFactory, RateCenterFactory


def crowd(count: int, *, funds: str = "10") -> list[Account]:
    """``count`` customers with a number under Pay Per Minute, paid for January 2027, and money in their balances."""
    # The first as all are made; it also begins the house's accounts.
    first = AccountFactory(user__username="first")
    add_funds(first, funds)
    users = User.objects.bulk_create(
        User(username=f"crowd{n}", email=f"crowd{n}@example.com", password="!") for n in range(1, count)
    )
    accounts = Account.objects.bulk_create(
        Account(user=user, number=f"1777{7000000 + n}", name="Crowd", billing_address=first.billing_address)
        for n, user in enumerate(users)
    )
    _fill_balances(accounts, Decimal(funds))
    accounts = [first, *accounts]
    place, product = RateCenterFactory(), Product.objects.get(code="pay-per-minute")
    assigned = {"rate_center": place, "state": "assigned", "in_stock_since": date(2026, 1, 1)}
    numbers = PhoneNumber.objects.bulk_create(
        PhoneNumber(digits=f"1518{2000000 + n}", holder=account, **assigned) for n, account in enumerate(accounts)
    )
    month = {"started_on": date(2027, 1, 1), "paid_until": date(2027, 1, 31)}
    Service.objects.bulk_create(
        Service(account=account, product=product, kind="did", rate_center=place, phone_number=number, **month)
        for account, number in zip(accounts, numbers, strict=True)
    )
    return accounts


def _fill_balances(accounts: list[Account], funds: Decimal) -> None:
    house = LedgerAccount.objects.get(kind="adjustment")
    balances = LedgerAccount.objects.bulk_create(LedgerAccount(account=account, balance=funds) for account in accounts)
    Transfer.objects.bulk_create(
        Transfer(
            key=f"crowd:{balance.pk}",
            kind="credit",
            source=house,
            target=balance,
            amount=funds,
            target_balance=funds,
            memo="Credit",
            made_at=clock.now(),
        )
        for balance in balances
    )


def at_once(works: Sequence[Callable[[], object]]) -> list[object]:
    """Do all of them at the same moment, each in a thread with its own connection; what each returned, in order."""
    gate, answers, surprises = threading.Barrier(len(works)), [None] * len(works), []

    def go(place: int) -> None:
        try:
            connection.ensure_connection()
            gate.wait(30)
            answers[place] = works[place]()
        except BaseException as surprise:  # noqa: BLE001
            surprises.append(surprise)
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(place,)) for place in range(len(works))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert surprises == []
    return answers
