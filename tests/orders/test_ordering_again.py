"""Getting back the same number by ordering it again, and what checkout looks at once more (domain.md §7)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from billing import ledger
from billing.models import Service
from catalog.models import Price, Product
from orders import cart as carts
from orders import checkout, pricing, reorder
from orders import lost as losses
from orders.models import Order
from phone_numbers import stock
from phone_numbers.models import BackOrder, PhoneNumber
from tests.factories import PhoneNumberFactory, hold_number
from tests.orders.channels import hold_channels
from tests.orders.checkouts import add_number, balance, held, place
from tests.orders.conftest import credit
from tests.orders.losing import (
    DAY_19,
    DAY_20,
    DAY_44,
    DAY_45,
    FIFTH,
    FIRST,
    a_911,
    a_number,
    a_plan,
    click,
    get_back,
    in_cart,
    lose,
)
from tests.orders.waiting import order_what_is_in_the_cart, quote_of

D = Decimal


@pytest.fixture
def number(customer, albany) -> Service:
    """(518) 555-0123, Pay Per Minute: Alice's, lost on 1 January."""
    return lose(a_number(customer, "15185550123", at=albany))


class TestByOrderingAgain:
    def test_any_number_of_the_place_is_the_one_that_was_lost(self, customer, number, albany):
        PhoneNumberFactory(digits="15185550199", rate_center=albany)
        line = add_number(customer, albany, now=DAY_44)
        assert (line.phone_number, line.reclaims) == (number.phone_number, number)
        order_what_is_in_the_cart(customer, now=DAY_44)
        assert Service.objects.held().get(kind="did").phone_number == number.phone_number

    def test_it_is_so_where_the_stock_is_empty(self, customer, number, albany):
        assert add_number(customer, albany, now=FIFTH).phone_number == number.phone_number

    def test_another_number_can_be_chosen(self, customer, number, albany):
        other = PhoneNumberFactory(digits="15185550199", rate_center=albany)
        line = add_number(customer, albany, chosen=other, now=FIFTH)
        assert (line.phone_number, line.reclaims) == (other, None)
        assert quote_of(customer, now=FIFTH).lines[0].setup == D("3.95")

    def test_choosing_ones_own_by_its_digits_is_reclaiming_it(self, customer, number, albany):
        line = add_number(customer, albany, chosen=number.phone_number, now=FIFTH)
        assert (line.phone_number, line.reclaims) == (number.phone_number, number)

    def test_of_several_each_press_gives_the_next(self, customer, number, albany):
        earlier = lose(a_number(customer, "15185550124", at=albany), on=date(2026, 12, 30))
        free = PhoneNumberFactory(digits="15185550199", rate_center=albany)
        lines = [add_number(customer, albany, now=FIFTH + timedelta(minutes=each)) for each in range(3)]
        assert [line.phone_number for line in lines] == [number.phone_number, earlier.phone_number, free]

    def test_pressing_twice_gives_one(self, customer, number, albany):
        token = uuid4()
        first = add_number(customer, albany, token=token, now=FIFTH)
        assert add_number(customer, albany, token=token, now=FIFTH) == first

    @pytest.mark.parametrize("code", ["office-unlimited", "pay-per-minute"])
    def test_under_another_product_or_for_somebody_else_it_is_another_number(self, customer, bob, number, albany, code):
        free = PhoneNumberFactory(digits="15185550199", rate_center=albany)
        who = customer if code == "office-unlimited" else bob
        assert add_number(who, albany, code=code, now=FIFTH).phone_number == free

    def test_after_a_violation_it_is_another_number_with_its_fee(self, customer, albany):
        lose(a_number(customer, "15185550123", at=albany), reason="violation")
        free = PhoneNumberFactory(digits="15185550199", rate_center=albany)
        line = add_number(customer, albany, now=FIFTH)
        assert (line.phone_number, line.reclaims) == (free, None)

    def test_in_the_place_of_one_that_is_gone_another_has_no_fee_for_19_days(self, customer, number, albany):
        stock.take_out(PhoneNumber.objects.all(), note="Misdialled")
        other = PhoneNumberFactory(digits="15185550199", rate_center=albany)
        line = add_number(customer, albany, now=FIFTH)
        other.refresh_from_db()
        assert (line.phone_number, line.reclaims, other.held_by) == (other, number, line.token)
        assert quote_of(customer, now=FIFTH).lines[0].waived == D("3.95")
        order_what_is_in_the_cart(customer, now=FIFTH)
        assert Service.objects.held().get(kind="did").reclaims == number
        # Once: the next one is an ordinary order.
        PhoneNumberFactory(digits="15185550198", rate_center=albany)
        assert add_number(customer, albany, now=FIFTH).reclaims is None

    def test_dirt_cheap_at_a_place_where_it_is_sold_no_more(self, customer, albany):
        lose(a_number(customer, "15185550123", code="dirt-cheap", at=albany))
        with pytest.raises(carts.NotForTheCart, match="Dirt Cheap is not sold in Albany, NY."):
            add_number(customer, albany, code="dirt-cheap", now=FIFTH)

    def test_dollar_unlimited_comes_back_where_it_is_sold_no_more(self, customer, albany):
        """Condition 4 is about Dirt Cheap alone."""
        lose(a_number(customer, "15185550123", code="dollar-unlimited", at=albany))
        assert add_number(customer, albany, code="dollar-unlimited", now=FIFTH).is_own_number
        assert quote_of(customer, now=FIFTH).problems == ()
        with pytest.raises(carts.NotForTheCart, match="Dollar Unlimited is not sold in Albany, NY."):
            add_number(customer, albany, code="dollar-unlimited", now=FIFTH + timedelta(minutes=1))

    def test_on_day_45_it_is_refused_and_sold_to_somebody_else(self, customer, bob, number, albany):
        with pytest.raises(reorder.CannotComeBack, match="45 days ago, and a number is kept for 44 days: until 14 Feb"):
            get_back(customer, number, now=DAY_45)
        assert add_number(customer, albany, now=DAY_45).phone_number is None
        assert stock.return_to_stock(today=DAY_45.date()) == 1
        assert add_number(bob, albany, now=DAY_45).phone_number == number.phone_number


def take_out(number: Service) -> None:
    stock.take_out(PhoneNumber.objects.filter(pk=number.phone_number_id), note="Misdialled")


def withdraw(number: Service) -> None:
    Product.objects.filter(pk=number.product_id).update(is_offered=False)


def bring_back_elsewhere(number: Service) -> None:
    """By an order of another tab."""
    stock.reclaim(number.phone_number, account=number.account, today=FIFTH.date())
    hold_number(number.account, phone_number=number.phone_number, reclaims=number)


BEGINNING = "Pay Per Minute (518) 555-0123 in Albany, NY: "
END = " Remove it from the cart to go on."


class TestAtCheckout:
    @pytest.mark.parametrize(
        ("happens", "now", "words"),
        [
            (take_out, FIFTH, "(518) 555-0123 has been taken out of service."),
            (withdraw, FIFTH, "Pay Per Minute is no longer offered."),
            (bring_back_elsewhere, FIFTH, "You have it back already."),
            (
                lambda number: None,
                DAY_45,
                "You lost it 45 days ago, and a number is kept for 44 days: until 14 February 2027.",
            ),
        ],
    )
    def test_everything_is_looked_at_again(self, customer, number, happens, now, words):
        get_back(customer, number)
        happens(number)
        money, mine = balance(customer), held(customer)
        with pytest.raises(checkout.CheckoutRefused) as refusal:
            place(customer, now=now, total=D("1"))
        assert str(refusal.value) == BEGINNING + words + END
        assert (balance(customer), held(customer), len(in_cart(customer))) == (money, mine, 1)

    def test_channels_do_not_come_back_without_their_number(self, customer, everything_lost):
        click(customer)
        take_out(everything_lost[1])
        assert [line.problem for line in quote_of(customer, now=FIFTH).lines if line.problem] == [
            BEGINNING + "(518) 555-0123 has been taken out of service." + END,
            "Additional incoming channel on (518) 555-0123: Channels come back with their number, and (518) 555-0123 "
            "does not come back." + END,
        ]

    def test_a_price_that_changed_over_night_is_shown_again(self, customer, number):
        """Seen on day 19 without the fee, confirmed on day 20."""
        get_back(customer, number, now=DAY_19)
        total = quote_of(customer, now=DAY_19).total
        with pytest.raises(checkout.CheckoutRefused, match="The total has changed to"):
            place(customer, now=DAY_20, total=total)

    def test_todays_price_is_charged_not_decembers(self, customer, number):
        product = Product.objects.get(code="pay-per-minute")
        Price.objects.create(product=product, effective_on=FIRST, monthly=D("3.10"), setup=D("5.00"))
        get_back(customer, number)
        assert quote_of(customer, now=FIFTH).lines[0].this_month == D("2.70")

    def test_what_is_ending_still_counts_as_held(self, customer):
        Service.objects.filter(pk=a_plan(customer).pk).update(ending_asked_at=FIFTH)
        a_number(customer, "15185550177")
        holding = pricing.holding_of(customer)
        assert (holding.plan.code, holding.plan_ends_on, holding.has_number) == (
            "north-america-500",
            date(2026, 12, 31),
            True,
        )

    def test_911_that_was_to_end_goes_on_with_the_new_order(self, customer, number):
        a_number(customer, "15185550177")
        e911 = a_911(customer)
        Service.objects.update(ending_asked_at=FIFTH)
        get_back(customer, number)
        order_what_is_in_the_cart(customer, now=FIFTH)
        e911.refresh_from_db()
        assert e911.is_ending is False


@pytest.mark.django_db(transaction=True)
class TestByCard:
    """Ordered on day 44; the bank answers after midnight."""

    @pytest.fixture
    def paying(self, customer, number, stripe_server, add_card) -> Order:
        ledger.charge(account=customer, key="spent", net=D("200"), tax=D(0), memo="Spent", made_at=FIFTH)
        get_back(customer, number, now=DAY_44)
        card = add_card(customer, number="4000002760003184")
        order = place(customer, now=DAY_44, total=quote_of(customer, now=DAY_44).total, card=card)
        assert order.state == Order.State.PAYING
        return order

    def answered(self, order: Order, *, now: datetime = DAY_45) -> Order:
        order.payment.state, order.payment.settled_at = "succeeded", now
        order.payment.save()
        credit(order.account, str(order.total))
        return checkout.finish(order, now=now)

    def test_the_day_of_the_order_counts(self, paying, number):
        assert self.answered(paying).state == Order.State.COMPLETED
        assert Service.objects.held().get(kind="did").reclaims == number

    def test_also_where_the_number_is_back_in_stock_and_free(self, paying, number):
        stock.return_to_stock(today=DAY_45.date())
        assert self.answered(paying).state == Order.State.COMPLETED
        assert Service.objects.held().get(kind="did").phone_number == number.phone_number

    def test_where_staff_took_it_out_meanwhile_the_money_is_in_the_balance(self, paying, number):
        take_out(number)
        order = self.answered(paying, now=DAY_44)
        assert (order.state, balance(order.account), held(order.account)) == (Order.State.FAILED, order.total, [])
        assert "(518) 555-0123 can no longer be given back to you." in order.problem

    def test_where_it_came_back_by_another_order_meanwhile(self, paying, number):
        bring_back_elsewhere(number)
        order = self.answered(paying, now=DAY_44)
        assert (order.state, balance(order.account)) == (Order.State.FAILED, order.total)
        assert "You have Pay Per Minute (518) 555-0123 back already. Remove it from the cart." in order.problem

    def test_where_somebody_else_was_quicker_the_money_is_in_the_balance(self, paying, number, bob):
        stock.return_to_stock(today=DAY_45.date())
        stock.assign(number.phone_number, account=bob, token=None, now=DAY_45)
        order = self.answered(paying)
        assert (order.state, balance(order.account)) == (Order.State.FAILED, order.total)
        assert "(518) 555-0123 is no longer free. Choose another number." in order.problem


class TestWhatIsLost:
    def test_what_was_replaced_withdrawn_or_not_needed_is_not(self, customer, number):
        for reason in ["replaced", "withdrawn", "unfilled", "not_needed"]:
            Service.objects.update(reason=reason)
            assert losses.everything(customer, today=FIFTH.date()) == []

    def test_a_number_that_never_came_is_not(self, customer, albany):
        product = Product.objects.get(code="pay-per-minute")
        waiting = BackOrder.objects.create(account=customer, product=product, rate_center=albany)
        about = {"kind": "did", "rate_center": albany, "back_order": waiting}
        ended = {"state": "cancelled", "reason": "staff", "cancelled_on": FIRST}
        dates = {"started_on": FIRST, "paid_until": FIRST}
        Service.objects.create(account=customer, product=product, **about, **ended, **dates)
        assert losses.everything(customer, today=FIFTH.date()) == []

    def test_channels_are_with_the_number_they_ended_with(self, customer, albany):
        number = a_number(customer, "15185550123", at=albany)
        [first, *_] = hold_channels(number, 3)
        lose(first, on=date(2026, 12, 10), reason="customer")
        lose(number)
        found = losses.everything(customer, today=FIFTH.date())
        assert [(each.name, each.channels and each.channels.quantity) for each in found] == [
            ("Pay Per Minute (518) 555-0123 in Albany, NY", 2),
            ("Additional incoming channel on (518) 555-0123", None),
        ]

    def test_channels_given_up_before_bring_their_number_along(self, customer, albany):
        number = a_number(customer, "15185550123", at=albany)
        [channel] = hold_channels(number, 1)
        lose(channel, on=date(2026, 12, 31), reason="customer")
        lose(number)
        get_back(customer, channel)
        assert in_cart(customer) == [
            ("pay-per-minute", 1, number.pk),
            ("additional-channel", 1, channel.pk),
        ]
        assert quote_of(customer, now=FIFTH).problems == ()

    def test_lost_again_it_is_the_second_time_that_counts(self, customer, number):
        get_back(customer, number)
        order_what_is_in_the_cart(customer, now=FIFTH)
        again = Service.objects.held().get(kind="did")
        lose(again, on=date(2027, 2, 1))
        assert [each.service for each in losses.everything(customer, today=date(2027, 2, 5))] == [again]

    def test_one_lost_service_is_brought_back_once(self, customer, number):
        bring_back_elsewhere(number)
        plan = a_plan(customer)
        with pytest.raises(IntegrityError, match="reclaims"), transaction.atomic():
            Service.objects.filter(pk=plan.pk).update(reclaims=number)
