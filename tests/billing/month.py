"""Customers with services, and the days of a month, for the tests of the cycle."""

from datetime import date, datetime, time
from decimal import Decimal

from accounts.models import Account
from billing import card_renewals, cycle, ledger
from billing.models import Cycle, LedgerAccount, Service, Transfer
from callcentric.clock import BUSINESS_ZONE
from catalog.models import Product
from tests.factories import AccountFactory, hold_number

JANUARY, FEBRUARY, MARCH = date(2027, 1, 1), date(2027, 2, 1), date(2027, 3, 1)


def at_noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=BUSINESS_ZONE)


def add_funds(account: Account, amount: str | Decimal, *, key: str = "", now: datetime | None = None) -> None:
    ledger.post(
        key=key or f"test:{account.pk}:{Transfer.objects.count()}",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo="Credit",
        made_at=now or at_noon(date(2027, 1, 2)),
    )


def hold_plan(account: Account, code: str = "north-america-500", **more: object) -> Service:
    product = Product.objects.get(code=code)
    dates = {"started_on": date(2027, 1, 1), "paid_until": date(2027, 1, 31), **more}
    return Service.objects.create(account=account, product=product, kind=product.kind, **dates)


def hold_911(account: Account, **more: object) -> Service:
    values = {"state": Service.State.ACTIVE, "address": account.billing_address, **more}
    return hold_plan(account, "e911", **values)


def customer(name: str, *, funds: str = "", pays_from: str = "balance", **more: object) -> Account:
    """A customer with a number under Pay Per Minute, paid for January 2027."""
    account = AccountFactory(user__username=name, pays_from=pays_from, **more)
    hold_number(account)
    if funds:
        add_funds(account, funds)
    return account


def run(on: date, *, charges: bool = True) -> cycle.Outcome:
    """What the cycle does on a day, its cards charged at once."""
    return cycle.run(on=on, now=at_noon(on), charge_cards=(lambda: charge_cards(on)) if charges else (lambda: 0))


def charge_cards(on: date) -> int:
    waiting = list(Cycle.objects.open().filter(turn_at__isnull=False).order_by("turn_at").values_list("pk", flat=True))
    for pk in waiting:
        card_renewals.charge(pk, today=on, now=at_noon(on))
    return len(waiting)


def balance(account: Account) -> Decimal:
    return ledger.of(account).balance or Decimal(0)


def paid_until(account: Account) -> list[date]:
    return list(Service.objects.held().filter(account=account).order_by("pk").values_list("paid_until", flat=True))
