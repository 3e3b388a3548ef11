"""What the beat takes up again: one order that nobody can deal with does not keep the others waiting."""

from decimal import Decimal
from uuid import uuid4

import pytest

from accounts.models import Account
from billing import ledger
from billing.models import Card, Payment
from catalog.models import Product
from orders import back_orders, checkout
from orders.models import Order, OrderLine
from tests.orders.checkouts import NOON, balance
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import DAY_30, wait_for_number


@pytest.fixture
def customers(alice, bob, catalog, taxes) -> list[Account]:
    for account in (alice, bob):
        credit(account, "200")
        live_at_the_billing_address(account)
    return [alice, bob]


def spoil(account: Account, key: str) -> None:
    """Another movement has the key that the order's will ask for, which is a defect and no refusal."""
    ledger.charge(account=account, key=key, net=Decimal("0.01"), tax=Decimal(0), memo="Spoilt", made_at=NOON)


def paid_by_card(account: Account) -> Order:
    """An order whose card was charged, and then nothing more happened."""
    card = Card.objects.create(
        account=account, stripe_id=f"pm_{account.pk}", brand="visa", last4="4242", expires_month=1, expires_year=2035
    )
    facts = {"account": account, "token": uuid4()}
    payment = Payment.objects.create(
        card=card, amount=1, purpose="order", state="succeeded", stripe_id=f"pi_{account.pk}", settled_at=NOON, **facts
    )
    there = {"billing_address": account.billing_address, "service_address": account.service_address}
    money = {"tax_rate": 0, "subtotal": 1, "tax": 0, "total": 1, "from_card": 1, "payment": payment}
    order = Order.objects.create(placed_at=NOON, **facts, **there, **money)
    order.lines.create(product=Product.objects.get(code="pay-per-call"), position=1, setup=1)
    return order


def test_orders_that_were_paid_by_card(customers):
    bad, good = [paid_by_card(account) for account in customers]
    spoil(customers[0], f"order:{bad.pk}")
    assert [checkout.finish_all(now=NOON) for _ in range(2)] == [1, 0]
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state, balance(customers[0])) == ("paying", "completed", Decimal("199.99"))


def test_orders_that_no_number_came_for(customers):
    bad, good = [wait_for_number(account) for account in customers]
    spoil(customers[0], f"refund:{OrderLine.objects.get(services__back_order=bad).pk}")
    before = balance(customers[0])
    assert [back_orders.refund_overdue(now=DAY_30) for _ in range(2)] == [1, 0]
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state, balance(customers[0]), balance(customers[1])) == ("waiting", "refunded", before, 200)
