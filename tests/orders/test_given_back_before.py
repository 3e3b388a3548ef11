"""An order that waits for a number, when staff have given back some of its price, or all, before it ends."""

from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from post_office.models import Email

from accounts.models import Account, User
from billing import adjusting, audit, ledger
from billing.models import Transfer
from orders import back_orders
from orders.models import OrderLine
from phone_numbers.models import BackOrder
from tests.orders.checkouts import NOON, balance
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import DAY_30, wait_for_number

# Of $11.50 and $1.02 of tax: see test_back_orders.
PAID, NET = Decimal("12.52"), Decimal("11.50")


@pytest.fixture
def customer(alice, catalog, taxes) -> Account:
    credit(alice, "200")
    return live_at_the_billing_address(alice)


@pytest.fixture
def waiting(customer) -> BackOrder:
    return wait_for_number(customer)


def staff_give_back(account: Account, net: str | None, sam: User) -> None:
    charged = Transfer.objects.get(kind="charge", source=ledger.of(account))
    words = {"words": "Sorry for the wait", "reason": "They asked"}
    adjusting.refund(charge=charged, net=net and Decimal(net), by=sam, token=uuid4(), now=NOON, **words)


@pytest.mark.parametrize(
    ("before", "rest"), [("8.00", Decimal("3.81")), ("0.63", Decimal("11.83")), (None, Decimal(0))]
)
@pytest.mark.parametrize("end", ["withdrawn", "unfilled"])
def test_what_the_page_promises_comes_and_no_more(waiting, customer, sam, before, rest, end):
    staff_give_back(customer, before, sam)
    shown = back_orders.what_comes_back(waiting)
    assert (shown.total, shown.came_before) == (rest, -(Decimal(before) if before else NET))
    if end == "withdrawn":
        back_orders.withdraw(waiting, now=NOON)
    else:
        back_orders.refund_overdue(now=DAY_30)
    assert (balance(customer), list(audit.differences())) == (200, [])
    assert OrderLine.objects.filter(refunded_at=None).exists() is False
    said = Email.objects.latest("pk").message
    assert (f"${rest} is back in your balance" in said) is bool(rest)
    assert ("had come back to your balance before" in said) is not bool(rest)


def test_the_page_says_what_had_come_back(waiting, customer, sam, alice_client):
    page = f"/back-orders/{waiting.pk}/withdraw/"
    assert "Came back to you before" not in alice_client.get(page).content.decode()
    staff_give_back(customer, "8.00", sam)
    text = alice_client.get(page).content.decode()
    assert "<dt>Came back to you before</dt><dd>−$8.00</dd>" in text
    assert "<dt>Total</dt><dd>$3.81</dd>" in text


@pytest.mark.django_db(transaction=True)
def test_refunds_from_before_name_their_charge(alice, catalog, taxes):
    credit(alice, "200")
    live_at_the_billing_address(alice)
    line = OrderLine.objects.get(product__code="personal-unlimited", services__back_order=wait_for_number(alice))
    charged = Transfer.objects.get(kind="charge")
    sides = {"source": ledger.house("revenue"), "target": ledger.of(alice), "memo": "Order", "made_at": NOON}
    ledger.post(key=f"refund:{line.pk}", kind="refund", amount=Decimal(1), **sides)
    other = ledger.post(key=f"refund:{uuid4()}", kind="refund", amount=Decimal(1), **sides)
    executor = MigrationExecutor(connection)
    latest = executor.loader.graph.leaf_nodes("orders")
    executor.migrate([("orders", "0004_orders_of_a_day")])
    MigrationExecutor(connection).migrate(latest)
    assert [each.key for each in charged.refunds.all()] == [f"refund:{line.pk}"]
    other.refresh_from_db()
    assert other.refund_of is None
    with pytest.raises(Exception, match="Cannot update or delete rows from billing_transfer"):
        Transfer.objects.filter(pk=other.pk).update(memo="Changed")
