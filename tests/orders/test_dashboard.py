"""The dashboard: what a customer has, what it costs and what happens next."""

from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Account
from billing.models import Service
from catalog.models import Product
from orders.models import Order
from phone_numbers.models import BackOrder
from tests.factories import PhoneNumberFactory, RateCenterFactory, hold_number
from tests.orders.channels import hold_channels
from tests.orders.checkouts import NOON, place
from tests.orders.conftest import credit, live_at_the_billing_address, put_into_cart
from tests.orders.waiting import wait_for_number


@pytest.fixture(autouse=True)
def _noon():
    """11 January 2027 in New York."""
    with time_machine.travel("2027-01-11T17:00:00Z", tick=False):
        yield


def words(client: Client) -> list[str]:
    return [product.words for product in client.get("/dashboard/").context["products"]]


def test_a_new_customer_is_told_what_to_do(alice, alice_client, catalog):
    text = alice_client.get("/dashboard/").content.decode()
    assert "You have no products." in text
    assert ('href="/order/outbound/"' in text, 'href="/order/inbound/"' in text) == (True, True)
    assert alice.number in text


def test_my_products_say_what_happens_next(shopper, alice_client):
    place(shopper)
    page = alice_client.get("/dashboard/")
    assert [(product.monthly, product.words, product.warning) for product in page.context["products"]] == [
        (Decimal("6.95"), "Paid until 31 January 2027. Renews on 27 January for February: $6.95.", ""),
        (
            0,
            "Paid until 31 January 2027. Goes on without a monthly fee: it is inside North America 500.",
            "911 is not active yet. We e-mail you as soon as it is confirmed.",
        ),
    ]
    assert "MY PRODUCTS" in page.content.decode()
    assert "Order products and services" in page.content.decode()


def test_it_shows_nobody_elses(shopper, alice_client, bob_client, bob):
    place(shopper)
    page = bob_client.get("/dashboard/")
    assert (page.context["products"], page.context["balance"]) == ([], 0)


def test_it_takes_the_same_queries_for_one_product_and_for_three(shopper, alice_client, alice):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert alice_client.get("/dashboard/").status_code == 200
        return len(captured)

    hold_number(alice)
    one = queries()
    hold_number(alice)
    hold_number(alice)
    assert (one, queries()) == (14, 14)
    assert len(alice_client.get("/dashboard/").context["products"]) == 3


def test_looking_finishes_an_order_that_the_bank_has_answered(shopper, alice_client):
    """Back from the bank by another page than the order's: nothing waits for the sweep."""
    place(shopper)
    order = Order.objects.get()
    put_into_cart(shopper, "north-america-basic")
    card = shopper.cards.create(
        stripe_id="pm_1", brand="visa", last4="4242", expires_month=12, expires_year=2040, is_default=True
    )
    paid = {"state": "succeeded", "stripe_id": "pi_1", "settled_at": order.placed_at}
    payment = shopper.payments.create(card=card, purpose="order", amount=Decimal("1.44"), token=uuid4(), **paid)
    addresses = {"billing_address": order.billing_address, "service_address": order.service_address}
    amounts = {"subtotal": Decimal("1.32"), "tax": Decimal("0.12"), "total": Decimal("1.44"), "tax_rate": 0}
    waiting = Order.objects.create(
        account=shopper, token=uuid4(), payment=payment, from_card=Decimal("1.44"), **addresses, **amounts
    )
    waiting.lines.create(
        product=Product.objects.get(code="north-america-basic"), position=1, this_month=Decimal("1.32")
    )
    products = alice_client.get("/dashboard/").context["products"]
    assert [each.service.product.code for each in products] == ["north-america-basic", "e911"]
    waiting.refresh_from_db()
    assert waiting.state == Order.State.COMPLETED


def test_a_renewal_that_is_overdue_is_not_promised_for_a_past_day(shopper, alice_client):
    place(shopper)
    with time_machine.travel("2027-02-03T17:00:00Z", tick=False):
        assert alice_client.get("/dashboard/").context["products"][0].words == (
            "Paid until 31 January 2027. The renewal for February is due: $6.95."
        )


def test_an_unconfirmed_e_mail_address_is_pointed_out(alice, alice_client, catalog):
    alice.user.emailaddress_set.update(verified=False)
    assert "Confirm your e-mail address." in alice_client.get("/dashboard/").content.decode()


class TestNumbers:
    def test_a_number_is_its_rows_title_in_national_format(self, alice, alice_client, catalog):
        hold_number(alice, phone_number=PhoneNumberFactory(digits="15185550142", state="assigned", holder=alice))
        text = alice_client.get("/dashboard/").content.decode()
        row = " ".join(text.partition("<tbody>")[2].partition("</th>")[0].split())
        assert row.endswith(
            '<span class="nowrap">(518) 555-0142</span> <br><span class="hint">Albany, NY</span> '
            '<br><span class="hint">Pay Per Minute</span> <br><span class="hint">Channels: 2 included</span>'
        )

    def test_a_1777_number_is_no_phone_number(self, alice, alice_client, catalog):
        text = alice_client.get("/dashboard/").content.decode()
        assert f'<p class="price">{alice.number}</p>' in text

    def test_extra_channels_are_with_their_number(self, alice, alice_client, catalog):
        number, other = hold_number(alice), hold_number(alice, "office-unlimited")
        hold_channels(number, 3)
        products = alice_client.get("/dashboard/").context["products"]
        assert [(each.service, each.channels, each.channels_monthly, each.monthly) for each in products] == [
            (number, 3, 9, Decimal("10.95")),
            (other, 0, 0, Decimal("8.95")),
        ]
        assert products[0].words == "Paid until 31 January 2027. Renews on 27 January for February: $10.95."
        text = alice_client.get("/dashboard/").content.decode()
        assert ("Channels: 2 included + 3 extra" in text, "3 extra channels: $9.00" in text) == (True, True)

    def test_channels_that_are_paid_further_are_not_due_with_their_number(self, alice, alice_client, catalog):
        number = hold_number(alice)
        further = hold_channels(number, 3)[1:]
        Service.objects.filter(pk__in=[each.pk for each in further]).update(paid_until=date(2027, 2, 28))
        assert words(alice_client) == [
            "Paid until 31 January 2027. Renews on 27 January for February: $4.95. "
            "2 extra channels are paid until 28 February 2027."
        ]

    @pytest.mark.parametrize(
        ("code", "offered"), [("pay-per-minute", True), ("personal-unlimited", False), ("service-provider", False)]
    )
    def test_channels_are_offered_where_the_product_takes_them(self, alice, alice_client, catalog, code, offered):
        code = Product.objects.get(code__startswith=code).code
        number = hold_number(alice, code)
        text = alice_client.get("/dashboard/").content.decode()
        assert (f'href="/order/channels/?number={number.pk}"' in text) is offered

    def test_it_takes_the_same_queries_for_one_number_and_for_three(self, alice, alice_client, catalog):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get("/dashboard/").status_code == 200
            return len(captured)

        alice_client.get("/dashboard/")
        hold_channels(hold_number(alice), 1)
        one = queries()
        hold_channels(hold_number(alice), 2)
        hold_channels(hold_number(alice), 1)
        assert (one, queries()) == (14, 14)
        assert len(alice_client.get("/dashboard/").context["products"]) == 3


class TestWaiting:
    @pytest.fixture
    def customer(self, alice, catalog, taxes) -> Account:
        credit(alice, "500")
        return live_at_the_billing_address(alice)

    def test_it_says_where_one_stands_and_what_happens_when(self, customer, bob, alice_client):
        credit(bob, "500")
        wait_for_number(live_at_the_billing_address(bob), now=NOON.replace(hour=9))
        mine = wait_for_number(customer)
        wait_for_number(customer, at=RateCenterFactory(name="Troy"))
        assert words(alice_client)[:2] == [
            "You are number 2 in line here. Expected wait: 10–30 business days. "
            "If no number has come by 10 February 2027, we refund it to your balance. "
            "Nothing more is due while you wait, and the month in which the number comes is paid for.",
            "You are number 1 in line here. Expected wait: 10–30 business days. "
            "If no number has come by 10 February 2027, we refund it to your balance. "
            "Nothing more is due while you wait, and the month in which the number comes is paid for.",
        ]
        text = alice_client.get("/dashboard/").content.decode()
        assert f'href="/back-orders/{mine.pk}/withdraw/"' in text
        assert "Number on its way" in text

    def test_who_was_served_or_has_left_stands_in_no_line(self, customer, alice_client):
        first, second, third = (wait_for_number(customer, now=NOON.replace(minute=minute)) for minute in range(3))
        BackOrder.objects.filter(pk=first.pk).update(state="withdrawn", closed_at=NOON)
        found = BackOrder.objects.with_position().in_line()
        assert [(each.pk, each.position) for each in found.waiting()] == [(second.pk, 1), (third.pk, 2)]

    def test_it_takes_the_same_queries_for_one_and_for_three(self, customer, alice_client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get("/dashboard/").status_code == 200
            return len(captured)

        wait_for_number(customer)
        one = queries()
        wait_for_number(customer)
        wait_for_number(customer, at=RateCenterFactory(name="Troy"))
        assert (one, queries()) == (16, 16)
