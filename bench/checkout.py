"""Checkout of a cart with a rate plan and 911, paid from the balance: orders a second in one process."""

import time
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from bench.report import Line
from billing import ledger
from billing.models import LedgerAccount, Transfer
from callcentric import clock
from callcentric.money import ZERO
from catalog.models import Product
from orders import cart as carts
from orders import checkout, pricing
from orders.models import Cart, CartLine, Order
from tests.factories import AccountFactory

ORDERS = 200
QUERIES_PROMISED = 25


def run() -> list[Line]:
    now = clock.now().replace(day=11)
    plan = Product.objects.get(code="north-america-500")
    accounts = [_customer_with_cart(plan, now) for _ in range(ORDERS + 10)]
    total = _total(accounts[0], now)
    for account in accounts[:9]:
        _order(account, total, now)
    with CaptureQueriesContext(connection) as captured:
        _order(accounts[9], total, now)
    queries = len(captured)
    started = time.perf_counter()
    for account in accounts[10:]:
        _order(account, total, now)
    seconds = time.perf_counter() - started
    floor = _seconds_of_bare_round_trips(queries)
    return [
        Line(
            "checkout, plan and 911: queries an order",
            str(queries),
            f"at most {QUERIES_PROMISED}",
            queries <= QUERIES_PROMISED,
        ),
        Line(
            "checkout, plan and 911: orders/s",
            f"{ORDERS / seconds:.0f} (as many bare round trips: {ORDERS / floor:.0f}/s, ratio {floor / seconds:.2f})",
            "every order completed",
            Order.objects.filter(state=Order.State.COMPLETED).count() == ORDERS + 10,
        ),
    ]


def _customer_with_cart(plan: Product, now: datetime) -> Account:
    account = AccountFactory()
    account.service_address = account.billing_address
    account.save()
    ledger.post(
        key=f"bench:{account.pk}",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=ledger.of(account),
        amount=Decimal("100"),
        memo="Bench",
        made_at=now,
    )
    cart = Cart.objects.create(account=account)
    CartLine.objects.create(cart=cart, product=plan, kind=plan.kind)
    return account


def _order(account: Account, total: Decimal, now: datetime) -> None:
    account = Account.objects.select_related("user", "billing_address", "service_address").get(pk=account.pk)
    confirmation = checkout.Confirmation(
        token=uuid4(), total=total, from_card=ZERO, pays_from=Account.PaysFrom.BALANCE, card=None
    )
    checkout.place(account=account, confirmation=confirmation, now=now)


def _total(account: Account, now: datetime) -> Decimal:
    lines = carts.lines_of(account.cart)
    return pricing.quote_for(account=account, lines=lines, now=now, service_address=account.billing_address).total


def _seconds_of_bare_round_trips(queries: int) -> float:
    """The same number of round trips with nothing in them: what no checkout could be faster than."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        for _ in range(ORDERS):
            for _ in range(queries):
                cursor.execute("SELECT 1")
    return time.perf_counter() - started
