"""Getting back what was lost: by one click, one by one, by ordering again; in the cart and at checkout."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, transaction
from post_office.models import Email

from accounts import moving
from accounts.models import Account
from billing import ledger
from billing.models import Service
from catalog.models import Price, Product
from orders import cart as carts
from orders import checkout, fulfilment, pricing, reorder
from orders import lost as losses
from orders.models import Cart, CartLine, Order
from phone_numbers import stock
from phone_numbers.models import BackOrder, Offering, PhoneNumber
from tests.factories import AddressFactory, PhoneNumberFactory, hold_number
from tests.orders.channels import hold_channels
from tests.orders.checkouts import add_number, balance, held, place
from tests.orders.conftest import credit
from tests.orders.losing import FIRST, a_911, a_number, a_plan, at_noon, lose
from tests.orders.waiting import order_what_is_in_the_cart, quote_of

D = Decimal
FIFTH, TWENTIETH = at_noon(date(2027, 1, 5)), at_noon(date(2027, 1, 20))
DAY_19, DAY_20 = TWENTIETH, at_noon(date(2027, 1, 21))
DAY_44, DAY_45 = at_noon(date(2027, 2, 14)), at_noon(date(2027, 2, 15))


def click(account: Account, now=FIFTH) -> reorder.Offer:
    """Click here to reorder these products."""
    return reorder.reorder(account=account, session=SessionStore(), now=now)


def get_back(account: Account, service: Service, *, now=FIFTH, **more) -> list[losses.Lost]:
    lost = losses.one(account, service.pk, today=now.date())
    return reorder.get_back(lost, account=account, session=SessionStore(), now=now, **more)


def in_cart(account: Account) -> list[tuple[str, int, int | None]]:
    lines = CartLine.objects.filter(cart__account=account).order_by("pk")
    return [(line.product.code, line.quantity, line.reclaims_id) for line in lines]


def remove(account: Account, line: CartLine) -> None:
    carts.remove(account=account, session=SessionStore(), line=line.pk)


@pytest.fixture
def number(customer, albany) -> Service:
    """(518) 555-0123, Pay Per Minute: Alice's, lost on 1 January."""
    return lose(a_number(customer, "15185550123", at=albany))


@pytest.fixture
def everything(customer, albany) -> list[Service]:
    """A plan, a number with 12 extra channels and 911: Alice's, lost on 1 January."""
    had = [a_plan(customer), a_number(customer, "15185550123", at=albany), a_911(customer)]
    hold_channels(had[1], 12)
    return [lose(each) for each in had]


class TestOneClick:
    def test_exactly_what_was_lost_is_in_the_cart_without_set_up_fees(self, customer, everything):
        plan, number, _ = everything
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

    def test_the_same_numbers_channels_and_places_come_back(self, customer, everything):
        plan, number, _ = everything
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

    def test_pressing_twice_adds_once(self, customer, everything):
        click(customer)
        before = list(CartLine.objects.order_by("pk").values_list("pk", "token"))
        click(customer)
        assert list(CartLine.objects.order_by("pk").values_list("pk", "token")) == before
        line = CartLine.objects.exclude(reclaims=None).first()
        with pytest.raises(IntegrityError, match="a_lost_service_is_in_a_cart_once"), transaction.atomic():
            CartLine.objects.filter(kind="channel").update(reclaims=line.reclaims_id)

    def test_it_takes_the_place_of_another_plan_in_the_cart(self, customer, everything):
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

    def test_on_the_20th_it_is_refused(self, customer, everything):
        with pytest.raises(reorder.NothingToReorder, match="possible from the 1st to the 19th of a month"):
            click(customer, now=TWENTIETH)
        click(customer, now=TWENTIETH - timedelta(days=1))

    def test_what_cannot_come_back_is_left_out_and_said(self, customer, everything):
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

    def test_another_plan_by_now_stands_in_the_way(self, customer, everything):
        a_plan(customer, "north-america-basic")
        offer = click(customer)
        assert [each.why_not for each in offer.refused] == [
            "You have North America Basic now, and an account has one rate plan at a time."
        ]

    def test_the_same_plan_ordered_again_by_hand_is_back(self, customer, everything):
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

    def test_removing_the_number_removes_its_channels(self, customer, everything):
        click(customer)
        remove(customer, CartLine.objects.get(kind="did"))
        assert [code for code, *_ in in_cart(customer)] == ["north-america-500"]
        number = everything[1].phone_number
        number.refresh_from_db()
        assert number.state == "kept"

    def test_channels_alone_can_be_removed(self, customer, everything):
        click(customer)
        remove(customer, CartLine.objects.get(kind="channel"))
        assert [code for code, *_ in in_cart(customer)] == ["north-america-500", "pay-per-minute"]

    def test_channels_whose_number_came_back_by_another_order_go_onto_it(self, customer, everything):
        click(customer)
        number = everything[1]
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

    def test_channels_do_not_come_back_without_their_number(self, customer, everything):
        click(customer)
        take_out(everything[1])
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

    def test_an_order_that_loses_the_number_to_staff_changes_nothing(self, customer, number):
        """Taken out between the check and the deed, as only a race does it."""
        get_back(customer, number)
        order = Order.objects.create(
            account=customer,
            token=uuid4(),
            billing_address=customer.billing_address,
            service_address=customer.billing_address,
            tax_rate=0,
            subtotal=0,
            tax=0,
            total=0,
            placed_at=FIFTH,
        )
        about = {"product": number.product, "rate_center": number.rate_center, "phone_number": number.phone_number}
        order.lines.create(**about, reclaims=number, position=1)
        take_out(number)
        with pytest.raises(stock.NumberTaken, match=r"\(518\) 555-0123 can no longer be given back to you."):
            fulfilment.begin_services(order, list(order.lines.in_words()), now=FIFTH)

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

    def answered(self, order: Order) -> Order:
        order.payment.state, order.payment.settled_at = "succeeded", DAY_45
        order.payment.save()
        credit(order.account, str(order.total))
        return checkout.finish(order, now=DAY_45)

    def test_the_day_of_the_order_counts(self, paying, number):
        assert self.answered(paying).state == Order.State.COMPLETED
        assert Service.objects.held().get(kind="did").reclaims == number

    def test_also_where_the_number_is_back_in_stock_and_free(self, paying, number):
        stock.return_to_stock(today=DAY_45.date())
        assert self.answered(paying).state == Order.State.COMPLETED
        assert Service.objects.held().get(kind="did").phone_number == number.phone_number

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
