"""Getting back what was lost: by one click, one by one, by ordering again; in the cart and at checkout."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, transaction
from post_office.models import Email

from accounts import moving
from accounts.models import Account
from billing.models import Service
from catalog.models import Product
from orders import cart as carts
from orders import lost as losses
from orders import pricing, reorder
from orders.models import Cart, CartLine, Order
from phone_numbers import stock
from phone_numbers.models import Offering, PhoneNumber
from tests.factories import AddressFactory, PhoneNumberFactory
from tests.orders.channels import hold_channels
from tests.orders.checkouts import add_number, place
from tests.orders.losing import (
    DAY_19,
    DAY_20,
    FIFTH,
    FIRST,
    TWENTIETH,
    a_911,
    a_number,
    a_plan,
    at_noon,
    click,
    get_back,
    in_cart,
    lose,
)
from tests.orders.waiting import order_what_is_in_the_cart, quote_of

D = Decimal


def remove(account: Account, line: CartLine) -> None:
    carts.remove(account=account, session=SessionStore(), line=line.pk)


@pytest.fixture
def number(customer, albany) -> Service:
    """(518) 555-0123, Pay Per Minute: Alice's, lost on 1 January."""
    return lose(a_number(customer, "15185550123", at=albany))


class TestOneClick:
    def test_exactly_what_was_lost_is_in_the_cart_without_set_up_fees(self, customer, everything_lost):
        plan, number, _ = everything_lost
        click(customer)
        assert in_cart(customer) == [
            ("north-america-500", 1, plan.pk),
            ("pay-per-minute", 1, number.pk),
            ("additional-channel", 12, number.channels.first().pk),
        ]
        quoted = quote_of(customer, now=FIFTH)
        assert [(line.product.code, line.setup, line.waived, line.this_month) for line in quoted.lines] == [
            ("north-america-500", 0, 0, D("6.05")),
            ("pay-per-minute", 0, D("3.95"), D("1.70")),
            ("additional-channel", 0, 0, 12 * D("2.61")),
            ("e911", 0, D("1.50"), 0),
        ]
        assert quoted.lines[1].reasons == (
            "It comes back: you lost it on 1 January 2027.",
            "27 of the 31 days of January are left, today included: $1.70 of $1.95.",
            "Set-up fee $3.95: waived, because you lost it 4 days ago.",
        )
        assert quoted.lines[3].reasons[1] == (
            "911 recovery fee $1.50: waived, because your 911 service ended 4 days ago."
        )

    def test_the_same_numbers_channels_and_places_come_back(self, customer, everything_lost):
        plan, number, _ = everything_lost
        # Of 12 channels one was given up before, so the places are not the first ones.
        number.channels.filter(slot=3).update(reason="customer", cancelled_on=date(2026, 12, 31))
        click(customer)
        order = order_what_is_in_the_cart(customer, now=FIFTH)
        assert order.state == Order.State.COMPLETED
        again = Service.objects.held().get(kind="did")
        assert (again.phone_number, again.reclaims, again.started_on) == (number.phone_number, number, FIFTH.date())
        assert sorted(again.channels.values_list("slot", flat=True)) == [1, 2, *range(4, 13)]
        assert {each.reclaims.slot == each.slot for each in again.channels.all()} == {True}
        assert Service.objects.held().get(kind="plan").reclaims == plan
        assert [line.reclaims_id for line in order.lines.order_by("position")][:2] == [plan.pk, number.pk]
        number.phone_number.refresh_from_db()
        assert (number.phone_number.state, number.phone_number.holder) == ("assigned", customer)
        assert losses.lately(customer, today=FIFTH.date())[0].service.slot == 3
        mail = Email.objects.get(subject="Your phone number is back: (518) 555-0123")
        assert "(518) 555-0123 in Albany, NY is yours again, under Pay Per Minute." in mail.message

    def test_pressing_twice_adds_once(self, customer, everything_lost):
        click(customer)
        before = list(CartLine.objects.order_by("pk").values_list("pk", "token"))
        click(customer)
        assert list(CartLine.objects.order_by("pk").values_list("pk", "token")) == before
        line = CartLine.objects.exclude(reclaims=None).first()
        with pytest.raises(IntegrityError, match="a_lost_service_is_in_a_cart_once"), transaction.atomic():
            CartLine.objects.filter(kind="channel").update(reclaims=line.reclaims_id)

    def test_it_takes_the_place_of_another_plan_in_the_cart(self, customer, everything_lost):
        basic = Product.objects.get(code="north-america-basic")
        carts.add_plan(account=customer, session=SessionStore(), product=basic, today=FIFTH.date())
        click(customer)
        assert [code for code, *_ in in_cart(customer)].count("north-america-basic") == 0

    @pytest.mark.parametrize("reason", ["customer", "staff", "violation"])
    def test_what_ended_in_another_way_is_not_for_it(self, customer, albany, reason):
        lose(a_number(customer, "15185550123", at=albany), reason=reason)
        with pytest.raises(reorder.NothingToReorder, match="Nothing that you lost to failed rebilling this month"):
            click(customer)
        assert in_cart(customer) == []

    def test_what_was_lost_last_month_is_not_for_it(self, customer, number):
        with pytest.raises(reorder.NothingToReorder, match="is left to reorder"):
            click(customer, now=at_noon(date(2027, 2, 3)))

    def test_on_the_20th_it_is_refused(self, customer, everything_lost):
        with pytest.raises(reorder.NothingToReorder, match="possible from the 1st to the 19th of a month"):
            click(customer, now=TWENTIETH)
        click(customer, now=TWENTIETH - timedelta(days=1))

    def test_what_cannot_come_back_is_left_out_and_said(self, customer, everything_lost):
        gone = lose(a_number(customer, "15185550155"))
        stock.take_out(PhoneNumber.objects.filter(pk=gone.phone_number_id), note="Misdialled")
        offer = click(customer)
        assert [(each.name, each.why_not) for each in offer.refused] == [
            ("Pay Per Minute (518) 555-0155 in Albany, NY", "(518) 555-0155 has been taken out of service.")
        ]
        assert [code for code, *_ in in_cart(customer)].count("pay-per-minute") == 1

    def test_where_nothing_can_come_back_it_is_refused(self, customer, number):
        stock.take_out(PhoneNumber.objects.all(), note="Misdialled")
        with pytest.raises(reorder.NothingToReorder, match="can come back by one click. Below it says why."):
            click(customer)

    def test_another_plan_by_now_stands_in_the_way(self, customer, everything_lost):
        a_plan(customer, "north-america-basic")
        offer = click(customer)
        assert [each.why_not for each in offer.refused] == [
            "You have North America Basic now, and an account has one rate plan at a time."
        ]

    def test_the_same_plan_ordered_again_by_hand_is_back(self, customer, everything_lost):
        a_plan(customer)
        assert [each.product.code for each in click(customer).back] == ["pay-per-minute", "additional-channel", "e911"]

    def test_911_alone_is_put_into_the_cart_for_those_who_have_a_number(self, customer, albany):
        a_number(customer, "15185550123", at=albany)
        lose(a_911(customer))
        click(customer)
        assert in_cart(customer) == [("e911", 1, None)]
        assert (quote_of(customer, now=FIFTH).lines[0].setup, quote_of(customer, now=FIFTH).lines[0].waived) == (
            0,
            D("1.50"),
        )

    def test_channels_lost_alone_go_onto_the_number_that_is_still_there(self, customer, albany):
        number = a_number(customer, "15185550123", at=albany)
        [lose(channel) for channel in hold_channels(number, 2)]
        click(customer)
        order_what_is_in_the_cart(customer, now=FIFTH)
        assert number.channels.held().count() == 2

    def test_more_numbers_than_a_cart_takes_else(self, customer, albany):
        [lose(a_number(customer, f"151855502{each:02}", at=albany)) for each in range(12)]
        click(customer)
        assert len(in_cart(customer)) == 12
        # They take no room from others.
        add_number(customer, PhoneNumberFactory(digits="15184440100", rate_center=albany).rate_center, now=FIFTH)


class TestInTheCart:
    def test_a_reclaimed_number_is_held_for_nobody(self, customer, number):
        click(customer)
        number.phone_number.refresh_from_db()
        assert (number.phone_number.state, number.phone_number.held_until) == ("kept", None)
        line = CartLine.objects.get()
        assert carts.hold_again(account=customer, session=SessionStore(), line=line.pk, now=FIFTH) == line
        number.phone_number.refresh_from_db()
        assert number.phone_number.state == "kept"

    def test_removing_the_number_removes_its_channels(self, customer, everything_lost):
        click(customer)
        remove(customer, CartLine.objects.get(kind="did"))
        assert [code for code, *_ in in_cart(customer)] == ["north-america-500"]
        number = everything_lost[1].phone_number
        number.refresh_from_db()
        assert number.state == "kept"

    def test_channels_alone_can_be_removed(self, customer, everything_lost):
        click(customer)
        remove(customer, CartLine.objects.get(kind="channel"))
        assert [code for code, *_ in in_cart(customer)] == ["north-america-500", "pay-per-minute"]

    def test_channels_whose_number_came_back_by_another_order_go_onto_it(self, customer, everything_lost):
        click(customer)
        number = everything_lost[1]
        other = CartLine.objects.filter(kind="channel")
        other.update(cart=Cart.objects.create())
        CartLine.objects.filter(kind="plan").delete()
        order_what_is_in_the_cart(customer, now=FIFTH)
        other.update(cart=customer.cart)
        order_what_is_in_the_cart(customer, now=FIFTH)
        assert Service.objects.held().get(reclaims=number).channels.held().count() == 12

    @pytest.mark.parametrize(
        ("now", "setup", "reason"),
        [
            (DAY_19, D("0"), "Set-up fee $3.95: waived, because you lost it 19 days ago."),
            (DAY_20, D("3.95"), "Set-up fee, once: $3.95. It is waived for 19 days, and you lost it 20 days ago."),
        ],
    )
    def test_the_set_up_fee_on_day_19_and_20(self, customer, number, now, setup, reason):
        get_back(customer, number, now=now)
        line = quote_of(customer, now=now).lines[0]
        assert (line.setup, line.reasons[-1]) == (setup, reason)

    def test_from_the_27th_on_the_next_month_is_paid_too(self, customer, number):
        get_back(customer, number, now=at_noon(date(2027, 1, 31)))
        line = quote_of(customer, now=at_noon(date(2027, 1, 31))).lines[0]
        assert (line.setup, line.this_month, line.next_month) == (D("3.95"), D("0.06"), D("1.95"))

    def test_dirt_cheap_has_no_set_up_fee_to_waive(self, customer, albany):
        dirt_cheap = lose(a_number(customer, "15185550123", code="dirt-cheap", at=albany))
        Offering.objects.create(product=dirt_cheap.product, rate_center=albany)
        click(customer)
        line = quote_of(customer, now=FIFTH).lines[0]
        assert (line.setup, line.waived, line.problem) == (0, 0, "")


class TestThe911Fee:
    @pytest.mark.parametrize("reason", ["customer", "failed_rebilling", "staff", "violation", "not_needed"])
    @pytest.mark.parametrize(("now", "waived"), [(DAY_19, True), (DAY_20, False)])
    def test_whatever_ended_it(self, shopper, reason, now, waived):
        lose(a_911(shopper), reason=reason)
        line = quote_of(shopper, now=now).lines[-1]
        assert (line.product.code, line.setup, line.waived) == (
            ("e911", 0, D("1.50")) if waived else ("e911", D("1.50"), 0)
        )

    def test_for_who_never_had_it_it_is_due(self, shopper):
        line = quote_of(shopper, now=FIFTH).lines[-1]
        assert (line.setup, line.reasons[1]) == (D("1.50"), "911 recovery fee, once: $1.50.")

    def test_of_several_the_last_counts(self, shopper):
        lose(a_911(shopper), on=date(2026, 12, 5))
        lose(a_911(shopper), on=FIRST)
        assert quote_of(shopper, now=DAY_19).lines[-1].setup == 0

    def test_what_was_given_back_before_it_was_active_was_never_paid(self, shopper):
        """Ordered and withdrawn by moving away: the fee is in the balance again."""
        order = place(shopper, now=FIFTH, total=quote_of(shopper, now=FIFTH).total)
        moving.serve_at(shopper, AddressFactory(country="DE", region=""), now=FIFTH)
        order.lines.filter(product__code="e911").update(refunded_at=FIFTH)
        shopper.refresh_from_db()
        moving.serve_at(shopper, shopper.billing_address, now=FIFTH)
        assert pricing.holding_of(shopper).lost_911_on is None
