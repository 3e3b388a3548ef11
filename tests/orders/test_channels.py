"""Extra channels: the page, the cart, the order, and what PostgreSQL holds (domain.md §2)."""

import threading
from collections import Counter
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from post_office.models import Email

from accounts.models import Account
from billing.models import Service, Transfer
from catalog.models import Product
from orders import fulfilment
from orders.fulfilment import CannotBegin
from orders.models import Cart, CartLine, Order, OrderLine
from phone_numbers.models import BackOrder
from tests.factories import PhoneNumberFactory, RateCenterFactory, hold_number
from tests.orders.checkouts import NOON, balance, place
from tests.orders.conftest import credit, live_at_the_billing_address

PAGE = "/order/channels/"
pytestmark = pytest.mark.usefixtures("catalog")


@pytest.fixture
def _noon():
    """11 January 2027 in New York."""
    with time_machine.travel("2027-01-11T17:00:00Z", tick=False):
        yield


def hold_channels(number: Service, count: int, *, state: str = "active") -> list[Service]:
    """``count`` extra channels that ``number`` has, in the places that are free."""
    product = Product.objects.get(kind=Product.Kind.CHANNEL)
    taken = set(number.channels.held().values_list("slot", flat=True))
    free = [slot for slot in range(1, 21) if slot not in taken][:count]
    ended = {"cancelled_on": date(2027, 1, 5), "reason": "customer"} if state == "cancelled" else {}
    return [
        Service.objects.create(
            account=number.account,
            product=product,
            kind=product.kind,
            state=state,
            number_service=number,
            slot=slot,
            started_on=number.started_on,
            paid_until=number.paid_until,
            **ended,
        )
        for slot in free
    ]


def wait_for_number(account: Account) -> Service:
    """A number that staff have still to assign."""
    place, product = RateCenterFactory(), Product.objects.get(code="pay-per-minute")
    return Service.objects.create(
        account=account,
        product=product,
        kind="did",
        state="pending",
        rate_center=place,
        back_order=BackOrder.objects.create(account=account, product=product, rate_center=place),
        started_on=date(2027, 1, 1),
        paid_until=date(2027, 1, 31),
    )


def ask(client, number: Service, quantity: object = 1):
    return client.post(PAGE, {"number": number.pk, "quantity": quantity})


def in_cart(account: Account) -> list[tuple[int, int]]:
    lines = CartLine.objects.filter(cart__account=account, kind="channel").order_by("pk")
    return list(lines.values_list("number_service_id", "quantity"))


class TestThePage:
    def test_it_offers_the_numbers_that_take_channels_and_says_why_the_others_take_none(self, alice, alice_client):
        number = hold_number(
            alice, phone_number=PhoneNumberFactory(digits="15185550101", state="assigned", holder=alice)
        )
        full = hold_number(alice, phone_number=PhoneNumberFactory(digits="15185550102", state="assigned", holder=alice))
        hold_channels(number, 3)
        hold_channels(full, 20)
        for last, code in [(3, "personal-unlimited"), (4, "dirt-cheap"), (5, "service-provider-unlimited")]:
            assigned = PhoneNumberFactory(digits=f"1518555010{last}", state="assigned", holder=alice)
            hold_number(alice, code, phone_number=assigned)
        wait_for_number(alice)
        page = alice_client.get(PAGE)
        assert [(key, str(label)) for key, label in page.context["form"].fields["number"].choices] == [
            (
                str(number.pk),
                '(518) 555-0101 <span class="hint">Albany, NY, Pay Per Minute. '
                "5 calls at a time now: 2 included, 3 extra. Up to 17 more.</span>",
            )
        ]
        assert [other.problem for other in page.context["others"]] == [
            "(518) 555-0102 has 20 extra channels already, and a number has no more than that.",
            "(518) 555-0103 is a Personal Unlimited number, and Personal Unlimited takes no extra channels.",
            "(518) 555-0104 is a Dirt Cheap number, and Dirt Cheap takes no extra channels.",
            "(518) 555-0105 takes any number of calls at a time under Service Provider Unlimited: "
            "it needs no extra channels.",
            "This number has not come yet. Order channels for it once you have it.",
        ]
        assert page.context["form"]["number"].value() == str(number.pk)

    def test_a_channel_that_has_ended_takes_no_place(self, alice, alice_client):
        hold_channels(hold_number(alice), 4, state="cancelled")
        assert alice_client.get(PAGE).context["takers"][0].used == 0

    def test_the_number_that_a_link_names_is_chosen(self, alice, alice_client):
        hold_number(alice)
        second = hold_number(alice)
        assert alice_client.get(PAGE).context["form"]["number"].value() is None
        assert alice_client.get(PAGE, {"number": second.pk}).context["form"]["number"].value() == str(second.pk)
        assert alice_client.get(PAGE, {"number": "999999999"}).context["form"]["number"].value() is None

    def test_nobody_elses_numbers_are_on_it(self, alice, bob_client):
        hold_number(alice)
        page = bob_client.get(PAGE)
        assert (page.context["takers"], page.context["others"]) == ([], [])
        assert "You have no phone number yet" in page.content.decode()

    def test_only_numbers_that_take_none(self, alice, alice_client):
        hold_number(alice, "personal-unlimited")
        text = alice_client.get(PAGE).content.decode()
        assert ("None of your numbers takes extra channels" in text, ">Continue<" in text) == (True, False)

    def test_it_takes_the_same_queries_for_one_number_and_for_three(self, alice, alice_client):
        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                assert alice_client.get(PAGE).status_code == 200
            return len(captured)

        hold_number(alice)
        one = queries()
        for _ in range(2):
            hold_channels(hold_number(alice), 2)
        assert (one, queries()) == (5, 5)

    def test_order_products_and_services_leads_here(self, alice, alice_client):
        assert f'href="{PAGE}"' in alice_client.get("/order/").content.decode().split("Additional Incoming Channels")[1]

    def test_channels_that_are_withdrawn_are_not_sold(self, alice, alice_client):
        number = hold_number(alice)
        Product.objects.filter(kind="channel").update(is_offered=False)
        assert "No channels are on offer today" in alice_client.get(PAGE).content.decode()
        assert (ask(alice_client, number).status_code, in_cart(alice)) == (422, [])


class TestIntoTheCart:
    def test_continue_leads_to_the_cart(self, alice, alice_client):
        number = hold_number(
            alice, phone_number=PhoneNumberFactory(digits="15185550100", state="assigned", holder=alice)
        )
        response = ask(alice_client, number, 3)
        assert (response.status_code, response.url) == (302, "/cart/")
        assert [str(message) for message in get_messages(response.wsgi_request)] == [
            "3 channels for (518) 555-0100 in your cart."
        ]
        assert in_cart(alice) == [(number.pk, 3)]

    def test_a_second_choice_for_the_number_takes_the_place_of_the_first(self, alice, alice_client):
        number, other = hold_number(alice), hold_number(alice)
        for chosen, quantity in [(number, 3), (other, 1), (number, 5)]:
            ask(alice_client, chosen, quantity)
        assert in_cart(alice) == [(number.pk, 5), (other.pk, 1)]

    @pytest.mark.parametrize(
        ("quantity", "words"),
        [
            ("11", "Choose 1 to 10 channels. For more, order again afterwards."),
            ("0", "Choose 1 to 10 channels."),
            ("-1", "Choose 1 to 10 channels."),
            ("three", "Type a whole number from 1 to 10."),
            ("1.5", "Type a whole number from 1 to 10."),
            ("9" * 40, "Choose 1 to 10 channels. For more, order again afterwards."),
            ("", "Say how many channels you want."),
            ("6", "{number} has 15 extra channels, and a number has 20 at most. You can add 5."),
        ],
    )
    def test_a_quantity_that_cannot_be(self, alice, alice_client, quantity, words):
        number = hold_number(alice)
        hold_channels(number, 15)
        response = ask(alice_client, number, quantity)
        assert response.status_code == 422
        form = response.context["form"]
        assert form.errors == {"quantity": [words.format(number=number.phone_number)]}
        assert (form["number"].value(), form["quantity"].value()) == (str(number.pk), quantity)
        assert in_cart(alice) == []

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("dirt-cheap", "{number} is a Dirt Cheap number, and Dirt Cheap takes no extra channels."),
            (
                "personal-unlimited",
                "{number} is a Personal Unlimited number, and Personal Unlimited takes no extra channels.",
            ),
            (
                "service-provider-unlimited",
                "{number} takes any number of calls at a time under Service Provider Unlimited: "
                "it needs no extra channels.",
            ),
        ],
    )
    @pytest.mark.parametrize("has_another", [True, False])
    def test_a_number_that_takes_none_cannot_be_forced(self, alice, alice_client, code, words, has_another):
        if has_another:
            hold_number(alice)
        number = hold_number(alice, code)
        response = ask(alice_client, number, 4)
        assert response.status_code == 422
        expected = words.format(number=number.phone_number)
        assert response.context["form"].errors == {"number": [expected]}
        assert (response.content.decode().count(expected), in_cart(alice)) == (2, [])

    def test_a_number_that_has_not_come_cannot_be_forced(self, alice, alice_client):
        response = ask(alice_client, wait_for_number(alice))
        assert response.context["form"].errors == {
            "number": ["This number has not come yet. Order channels for it once you have it."]
        }

    @pytest.mark.parametrize("number", ["", "x", "-1", "\x00"])
    def test_no_number_at_all(self, alice, alice_client, number):
        hold_number(alice)
        response = alice_client.post(PAGE, {"number": number, "quantity": 2})
        assert (response.status_code, list(response.context["form"].errors)) == (422, ["number"])
        assert response.context["form"]["quantity"].value() == "2"

    def test_a_strangers_number_is_not_found(self, alice, bob, bob_client):
        assert ask(bob_client, hold_number(alice)).status_code == 404
        assert bob_client.post(PAGE, {"number": "9" * 30, "quantity": 1}).status_code == 404
        assert in_cart(bob) == []

    def test_a_number_that_has_ended_is_not_found(self, alice, alice_client):
        ended = hold_number(alice, state="cancelled", cancelled_on=date(2027, 1, 5), reason="customer")
        assert ask(alice_client, ended).status_code == 404


@pytest.fixture
def number(alice: Account, taxes) -> Service:
    """A number of Alice's, who has $200.00 and an address, and three channels for it in the cart."""
    credit(alice, "200")
    live_at_the_billing_address(alice)
    assigned = PhoneNumberFactory(digits="15185550100", state="assigned", holder=alice)
    service = hold_number(alice, phone_number=assigned)
    put_channels(service, 3)
    return service


def put_channels(number: Service, quantity: int) -> None:
    cart, _ = Cart.objects.get_or_create(account=number.account)
    product = Product.objects.get(kind="channel")
    CartLine.objects.create(cart=cart, product=product, kind=product.kind, number_service=number, quantity=quantity)


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
