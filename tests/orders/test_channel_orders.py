"""Extra channels ordered: what begins, what refuses, who comes second, and what PostgreSQL holds (domain.md §2)."""

import threading
from collections import Counter
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from post_office.models import Email

from accounts.models import Account
from billing.models import Service, Transfer
from catalog.models import Product
from orders import fulfilment
from orders.fulfilment import CannotBegin
from orders.models import CartLine, Order, OrderLine
from tests.factories import PhoneNumberFactory, hold_number
from tests.orders.channels import hold_channels, in_cart, put_channels
from tests.orders.checkouts import NOON, balance, place
from tests.orders.conftest import credit, live_at_the_billing_address

pytestmark = pytest.mark.usefixtures("catalog")


@pytest.fixture
def _noon():
    """11 January 2027 in New York."""
    with time_machine.travel("2027-01-11T17:00:00Z", tick=False):
        yield


@pytest.fixture
def number(alice: Account, taxes) -> Service:
    """A number of Alice's, who has $200.00 and an address, and three channels for it in the cart."""
    credit(alice, "200")
    live_at_the_billing_address(alice)
    assigned = PhoneNumberFactory(digits="15185550100", state="assigned", holder=alice)
    service = hold_number(alice, phone_number=assigned)
    put_channels(service, 3)
    return service


def end(number: Service) -> None:
    Service.objects.filter(pk=number.pk).update(state="cancelled", cancelled_on=date(2027, 1, 11), reason="staff")


def withdraw(number: Service) -> None:
    Product.objects.filter(pk=number.product_id).update(takes_extra_channels=False)


def fill_up(number: Service) -> None:
    hold_channels(number, 18)


@pytest.mark.usefixtures("_noon")
class TestTheOrder:
    # 3.00 for 21 of 31 days is 2.03, three times, and 8.875 % of 6.09.
    TOTAL = Decimal("6.63")

    def test_each_channel_is_a_service_of_its_own(self, alice, number):
        order = place(alice, total=self.TOTAL)
        line = order.lines.get()
        assert (line.quantity, line.setup, line.this_month, line.next_month) == (3, 0, Decimal("6.09"), 0)
        assert [
            (each.slot, each.state, each.number_service, each.started_on, each.paid_until)
            for each in line.services.order_by("slot")
        ] == [(slot, "active", number, date(2027, 1, 11), date(2027, 1, 31)) for slot in (1, 2, 3)]
        assert (balance(alice), CartLine.objects.count()) == (200 - self.TOTAL, 0)

    def test_from_the_27th_on_the_next_month_is_paid_too(self, alice, number):
        # 3 × (0.48 + 3.00), and 8.875 % of it.
        order = place(alice, now=NOON.replace(day=27), total=Decimal("11.37"))
        line = order.lines.get()
        assert (line.this_month, line.next_month) == (Decimal("1.44"), Decimal("9.00"))
        assert {each.paid_until for each in line.services.all()} == {date(2027, 2, 28)}

    def test_places_that_came_free_are_taken_again(self, alice, number):
        mine = hold_channels(number, 4)
        Service.objects.filter(pk=mine[1].pk).update(state="cancelled", cancelled_on=NOON.date(), reason="customer")
        line = place(alice, total=self.TOTAL).lines.get()
        assert sorted(each.slot for each in line.services.all()) == [2, 5, 6]

    def test_pages_and_the_e_mail_say_how_many_and_on_which_number(self, alice, number, alice_client):
        what = "3 × Additional incoming channel on (518) 555-0100"
        order = place(alice, total=self.TOTAL)
        assert f"* {what}: $6.09\n  21 of the 31 days" in Email.objects.get().message
        assert what in alice_client.get("/orders/").content.decode()
        page = alice_client.get(f"/orders/{order.reference}/").content.decode()
        assert 'Additional incoming channel <span class="line-about">on (518) 555-0100</span>' in page

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            (end, "(518) 555-0100 is not active any more, so it takes no channels."),
            (withdraw, "(518) 555-0100 is a Pay Per Minute number, and Pay Per Minute takes no extra channels."),
            (fill_up, "(518) 555-0100 has 18 extra channels, and a number has 20 at most. You can add 2."),
        ],
    )
    def test_what_has_changed_since_is_the_lines_problem_and_refuses_checkout(
        self, alice, number, alice_client, change, problem
    ):
        change(number)
        page = alice_client.get("/cart/")
        assert page.context["quote"].problems == (problem,)
        assert 'href="/checkout/"' not in page.content.decode().split('aria-label="Total"')[1]
        shown = {"total": "6.63", "from_card_balance": "0", "from_card_card": "0"}
        response = alice_client.post("/checkout/", {"token": str(uuid4()), **shown, "pays_from": "balance"})
        assert (response.status_code, response.context["problem"]) == (422, problem)
        assert (Order.objects.count(), balance(alice), in_cart(alice)) == (0, 200, [(number.pk, 3)])

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (end, "The number that the channels were for has ended. Remove them from the cart."),
            (fill_up, "The number takes only 2 more channels. Change the cart and try again."),
        ],
    )
    def test_what_changes_while_the_bank_is_asked_refuses_too(self, alice, number, change, words):
        order = an_order(number, quantity=3)
        change(number)
        before = Service.objects.count()
        with pytest.raises(CannotBegin) as refusal, transaction.atomic():
            fulfilment.begin_services(order, list(order.lines.in_words()), now=NOON)
        assert (str(refusal.value), Service.objects.count()) == (words, before)


def an_order(number: Service, quantity: int) -> Order:
    """An order of channels that is written down and paid for, and whose services have not begun."""
    account = number.account
    addresses = {"billing_address": account.billing_address, "service_address": account.billing_address}
    order = Order.objects.create(
        account=account,
        token=uuid4(),
        state="failed",
        tax_rate=0,
        subtotal=0,
        tax=0,
        total=0,
        placed_at=NOON,
        **addresses,
    )
    product = Product.objects.get(kind="channel")
    OrderLine.objects.create(order=order, product=product, quantity=quantity, position=1, number_service=number)
    return order


def at_once(*jobs) -> Counter:
    """How often each outcome came of ``jobs``, run at the same moment by threads with connections of their own."""
    gate, outcomes = threading.Barrier(len(jobs)), []

    def run(job):
        gate.wait(30)
        try:
            outcomes.append(job())
        except Exception as problem:
            outcomes.append(type(problem).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return Counter(outcomes)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestTheLastPlaces:
    def test_never_more_than_twenty_whoever_comes_first(self, alice, number):
        hold_channels(number, 11)
        orders = [an_order(number, quantity=3) for _ in range(8)]

        def begin(order):
            with transaction.atomic():
                return len(fulfilment.begin_services(order, list(order.lines.in_words()), now=NOON))

        assert at_once(*[lambda order=order: begin(order) for order in orders]) == Counter({3: 3, "CannotBegin": 5})
        assert sorted(number.channels.held().values_list("slot", flat=True)) == list(range(1, 21))

    def test_who_comes_second_is_refused_and_not_charged(self, alice, number):
        hold_channels(number, 16)
        total = Decimal("6.63")
        assert at_once(*[lambda: place(alice, total=total).state] * 4) == Counter(completed=1, CheckoutRefused=3)
        put_channels(number, 3)
        assert at_once(*[lambda: place(alice, total=total).state] * 4) == Counter(CheckoutRefused=4)
        assert (number.channels.held().count(), balance(alice)) == (19, 200 - total)
        assert Transfer.objects.filter(kind=Transfer.Kind.CHARGE).count() == 1


class TestPostgreSQLHolds:
    def channel(self, number: Service, **more) -> Service:
        product = Product.objects.get(kind="channel")
        dates = {"started_on": number.started_on, "paid_until": number.paid_until}
        return Service(
            account=number.account,
            product=product,
            kind="channel",
            **{"number_service": number, "slot": 1, **dates, **more},
        )

    @pytest.mark.parametrize("more", [{"slot": 0}, {"slot": 21}, {"slot": None}, {"number_service": None}])
    def test_a_channel_is_one_of_twenty_on_a_number(self, alice, more):
        with pytest.raises(IntegrityError, match="a_channel_is_one_of_twenty_on_a_number"):
            self.channel(hold_number(alice), **more).save()

    def test_a_number_has_no_place_itself(self, alice):
        with pytest.raises(IntegrityError, match="a_channel_is_one_of_twenty_on_a_number"):
            Service.objects.filter(pk=hold_number(alice).pk).update(slot=1)

    def test_a_channel_has_its_own_place(self, alice):
        number = hold_number(alice)
        self.channel(number).save()
        with pytest.raises(IntegrityError, match="a_channel_has_its_own_place"):
            self.channel(number).save()

    @pytest.mark.parametrize("quantity", [0, 11])
    def test_channels_in_a_cart_are_one_to_ten(self, alice, quantity):
        with pytest.raises(IntegrityError, match="channels_in_a_cart_are_one_to_ten_on_a_number"):
            put_channels(hold_number(alice), quantity)

    def test_one_line_of_channels_per_number(self, alice):
        number = hold_number(alice)
        put_channels(number, 1)
        with pytest.raises(IntegrityError, match="one_line_of_channels_per_number"):
            put_channels(number, 2)
