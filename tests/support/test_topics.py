"""What a ticket is about, found among what is the customer's own, in words."""

from uuid import uuid4

import pytest

from accounts.models import Account
from billing.models import Service
from catalog.models import Product
from orders.models import Order
from support import topics
from support.topics import Topic
from tests.billing.test_history import charge, deposit
from tests.factories import PhoneNumberFactory, hold_number
from tests.support.conversations import NOON


@pytest.fixture
def number(alice, catalog) -> Service:
    return hold_number(alice, phone_number=PhoneNumberFactory(digits="15185550100", state="assigned", holder=alice))


def words(account: Account, **asked: str) -> list[str]:
    return topics.words(topics.find(account, asked))


def test_a_service_and_its_number(number, alice):
    said = ["(518) 555-0100 in Albany, NY, Pay Per Minute"]
    assert words(alice, service=str(number.pk)) == said
    assert words(alice, number="15185550100") == words(alice, number="+1 (518) 555-0100") == said


def test_a_lost_one_says_when(number, alice):
    Service.objects.update(state="cancelled", cancelled_on=NOON.date(), reason="failed_rebilling")
    assert words(alice, service=str(number.pk)) == [
        "(518) 555-0100 in Albany, NY, Pay Per Minute, ended on 11 January 2027"
    ]


def test_a_channel_and_a_plan(number, alice):
    dates = {"started_on": number.started_on, "paid_until": number.paid_until}
    channel, plan = (
        Service.objects.create(account=alice, product=Product.objects.get(code=code), kind=kind, **more, **dates)
        for code, kind, more in [
            ("additional-channel", "channel", {"number_service": number, "slot": 1}),
            ("north-america-500", "plan", {}),
        ]
    )
    assert words(alice, service=str(channel.pk)) == ["Additional incoming channel on (518) 555-0100"]
    assert words(alice, service=str(plan.pk)) == ["North America 500"]


def test_an_order_and_a_charge(alice, charged):
    order, charge = charged
    assert words(alice, order=order.reference, charge=str(charge.pk)) == [
        f"Order {order.reference} of 11 January 2027",
        "Charge of $4.36 on 11 January 2027: Order ABC",
    ]


@pytest.fixture
def charged(alice):
    order = Order.objects.create(
        account=alice,
        token=uuid4(),
        billing_address=alice.billing_address,
        service_address=alice.billing_address,
        tax_rate=0,
        subtotal=0,
        tax=0,
        total=0,
        placed_at=NOON,
    )
    deposit(alice, "20.00", NOON)
    return order, charge(alice, "4.00", "0.36", NOON)


def test_nothing_of_another_customers_and_nothing_that_is_not_there(number, bob, charged):
    order, charge = charged
    for asked in [
        {"service": str(number.pk)},
        {"number": "15185550100"},
        {"order": order.reference},
        {"charge": str(charge.pk)},
        *({"service": typed} for typed in ["", "0", "-1", "x", "\x00", "9" * 18, "9" * 5000, "1;DROP TABLE"]),
        *({"order": typed} for typed in ["", "\x00", "x" * 8, "x" * 5000]),
        {"charge": "\x00"},
        {"number": ""},
    ]:
        with pytest.raises(topics.NotTheirs):
            topics.find(bob, asked)


def test_no_topic_is_no_words(alice):
    assert topics.words(Topic()) == topics.words(topics.find(alice, {})) == []
