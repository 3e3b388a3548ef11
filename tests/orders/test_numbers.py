"""Ordering a phone number: into the cart, held for 15 minutes, assigned at checkout or ordered for staff to fill."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from post_office.models import Email

from accounts import moving
from accounts.models import Account
from billing import ledger
from billing.models import Service
from catalog.models import Product
from orders import cart as carts
from orders import checkout, pricing
from orders.models import Cart, CartLine, Order
from phone_numbers.models import BackOrder, Offering, PhoneNumber
from phone_numbers.stock import HELD_FOR, NumberTaken
from tests.factories import AddressFactory, PhoneNumberFactory, RateCenterFactory
from tests.orders.checkouts import NOON, add_number, balance, held, place
from tests.orders.conftest import credit

# Pay Per Minute on 11 January: set-up 3.95 and 1.32, 911 for 1.50 and 1.02, and 8.875 % of that.
TOTAL = Decimal("8.48")
MINUTE = timedelta(minutes=1)


def quoted(account: Account, now=NOON):
    lines = carts.lines_of(account.cart)
    return pricing.quote_for(account=account, lines=lines, now=now, service_address=account.service_address)


def states() -> list[str]:
    return list(PhoneNumber.objects.order_by("digits").values_list("state", flat=True))


class TestIntoTheCart:
    def test_any_number_of_the_area_is_held_for_15_minutes(self, customer, number):
        line = add_number(customer, number.rate_center)
        number.refresh_from_db()
        assert (line.phone_number, number.state, number.held_by) == (number, "held", line.token)
        assert number.held_until == NOON + HELD_FOR

    def test_the_chosen_number_is_held(self, customer, number):
        chosen = PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        assert add_number(customer, number.rate_center, chosen=chosen).phone_number == chosen
        assert states() == ["in_stock", "held"]

    def test_the_same_press_twice_holds_one(self, customer, number):
        PhoneNumberFactory(rate_center=number.rate_center)
        token = uuid4()
        first = add_number(customer, number.rate_center, token=token)
        assert add_number(customer, number.rate_center, token=token) == first
        assert sorted(states()) == ["held", "in_stock"]

    def test_a_number_in_another_cart_is_refused(self, customer, bob, number):
        add_number(customer, number.rate_center)
        PhoneNumberFactory(rate_center=number.rate_center)
        with pytest.raises(NumberTaken, match=r"\(518\) 555-0123 was taken just now. Choose another number."):
            add_number(bob, number.rate_center, chosen=number)
        assert CartLine.objects.filter(cart__account=bob).count() == 0

    def test_a_hold_that_ran_out_is_free_before_any_job_runs(self, customer, bob, number):
        add_number(customer, number.rate_center)
        # The place counts it again once the job has run; another is in stock meanwhile.
        PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        line = add_number(bob, number.rate_center, chosen=number, now=NOON + HELD_FOR)
        number.refresh_from_db()
        assert number.held_by == line.token

    def test_nothing_in_stock_makes_a_line_for_staff(self, customer, albany):
        line = add_number(customer, albany)
        assert (line.phone_number, line.rate_center) == (None, albany)
        assert quoted(customer).lines[0].about == "in Albany, NY"
        assert quoted(customer).lines[0].reasons[0].startswith("No number was in stock there when you chose it")

    def test_what_is_in_stock_belongs_to_those_who_wait(self, customer, bob, number):
        product = Product.objects.get(code="pay-per-minute")
        BackOrder.objects.create(account=bob, product=product, rate_center=number.rate_center)
        assert add_number(customer, number.rate_center).phone_number is None
        with pytest.raises(NumberTaken, match="is not in stock any more"):
            add_number(customer, number.rate_center, chosen=number)

    def test_a_cart_takes_ten_numbers(self, customer, albany):
        for _ in range(10):
            add_number(customer, albany)
        with pytest.raises(carts.NotForTheCart, match="A cart takes 10 numbers. Check out first, then order more."):
            add_number(customer, albany)

    @pytest.mark.parametrize(
        ("code", "toll_free", "listed", "is_sold"),
        [
            ("pay-per-minute", False, False, True),
            ("pay-per-minute", True, False, False),
            ("toll-free", True, False, True),
            ("toll-free", False, False, False),
            ("dirt-cheap", False, False, False),
            ("dirt-cheap", False, True, True),
            ("dirt-cheap", True, True, False),
        ],
    )
    def test_a_product_is_sold_only_where_it_is_offered(self, customer, code, toll_free, listed, is_sold):
        there = RateCenterFactory(name="Troy", is_toll_free=toll_free)
        if listed:
            Offering.objects.create(product=Product.objects.get(code=code), rate_center=there)
        if is_sold:
            assert add_number(customer, there, code=code).product.code == code
        else:
            with pytest.raises(carts.NotForTheCart, match="is not sold in Troy"):
                add_number(customer, there, code=code)

    def test_taking_it_out_lets_the_number_go(self, customer, number):
        line = add_number(customer, number.rate_center)
        assert carts.remove(account=customer, session=SessionStore(), line=line.pk) is True
        assert states() == ["in_stock"]

    def test_a_visitors_number_stays_held_through_login(self, customer, number):
        session = SessionStore()
        line = add_number(None, number.rate_center, session=session)
        mine = carts.current(account=customer, session=session)
        assert [(each.token, each.phone_number) for each in carts.lines_of(mine)] == [(line.token, number)]
        assert Cart.objects.count() == 1
        number.refresh_from_db()
        assert number.held_by == line.token

    def test_a_visitors_hold_of_the_customers_own_lapsed_number_is_the_one_that_stays(self, customer, number):
        add_number(customer, number.rate_center)
        session = SessionStore()
        fresh = add_number(None, number.rate_center, session=session, chosen=number, now=NOON + 16 * MINUTE)
        mine = carts.current(account=customer, session=session)
        assert [(each.token, each.phone_number) for each in carts.lines_of(mine)] == [(fresh.token, number)]
        assert quoted(customer, now=NOON + 17 * MINUTE).problems == ()

    def test_ordering_any_number_again_holds_the_lapsed_one_and_another(self, customer, number):
        first = add_number(customer, number.rate_center)
        PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        later = NOON + 16 * MINUTE
        second = add_number(customer, number.rate_center, now=later)
        assert [str(first.phone_number), str(second.phone_number)] == ["(518) 555-0123", "(518) 555-0199"]
        assert set(PhoneNumber.objects.values_list("held_until", flat=True)) == {later + HELD_FOR}

    def test_ordering_it_again_under_another_product_does_not_take_it_twice(self, customer, number):
        add_number(customer, number.rate_center)
        line = add_number(customer, number.rate_center, code="office-unlimited", now=NOON + 16 * MINUTE)
        assert line.phone_number is None

    def test_choosing_the_number_that_is_in_the_cart_holds_it_anew(self, customer, number):
        line = add_number(customer, number.rate_center)
        assert add_number(customer, number.rate_center, chosen=number, now=NOON + MINUTE) == line
        number.refresh_from_db()
        assert (number.held_until, CartLine.objects.count()) == (NOON + MINUTE + HELD_FOR, 1)

    def test_a_form_that_two_visitors_share_holds_one_number_for_each(self, catalog, number):
        PhoneNumberFactory(rate_center=number.rate_center)
        token = uuid4()
        lines = [add_number(None, number.rate_center, token=token) for _ in range(2)]
        assert len({line.token for line in lines}) == len({line.phone_number for line in lines}) == 2

    def test_a_form_that_somebody_comes_back_to_orders_another_number(self, customer, number):
        PhoneNumberFactory(rate_center=number.rate_center)
        token = uuid4()
        add_number(customer, number.rate_center, token=token)
        add_number(customer, number.rate_center, token=token, now=NOON + MINUTE)
        assert states() == ["held", "held"]

    def test_a_lapsed_number_that_others_wait_for_is_theirs(self, customer, bob, number):
        line = add_number(customer, number.rate_center)
        product = Product.objects.get(code="pay-per-minute")
        BackOrder.objects.create(account=bob, product=product, rate_center=number.rate_center)
        # Held, it stays the customer's.
        assert quoted(customer, now=NOON + MINUTE).problems == ()
        later = NOON + 16 * MINUTE
        problem = (
            "(518) 555-0123 is not kept for you any more, and others have waited longer for a number there. "
            "Remove it, and order one again to wait in line."
        )
        assert quoted(customer, now=later).problems == (problem,)
        with pytest.raises(NumberTaken, match="others have waited longer"):
            carts.hold_again(account=customer, session=SessionStore(), line=line.pk, now=later)
        with pytest.raises(checkout.CheckoutRefused, match="others have waited longer"):
            place(customer, now=later, total=TOTAL)

    def test_a_number_that_has_come_can_be_taken_for_a_line_without(self, customer, albany):
        line = add_number(customer, albany)
        number = PhoneNumberFactory(rate_center=albany)
        carts.hold_again(account=customer, session=SessionStore(), line=line.pk, now=NOON)
        line.refresh_from_db()
        number.refresh_from_db()
        assert (line.phone_number, number.held_by) == (number, line.token)

    def test_it_can_be_held_again(self, customer, number):
        line = add_number(customer, number.rate_center)
        later = NOON + 20 * MINUTE
        carts.hold_again(account=customer, session=SessionStore(), line=line.pk, now=later)
        number.refresh_from_db()
        assert number.held_until == later + HELD_FOR

    def test_nobody_holds_again_for_somebody_else(self, customer, bob, number):
        line = add_number(customer, number.rate_center)
        Cart.objects.create(account=bob)
        with pytest.raises(CartLine.DoesNotExist):
            carts.hold_again(account=bob, session=SessionStore(), line=line.pk, now=NOON)

    def test_what_is_being_paid_stays_in_the_cart(self, customer, number):
        line = add_number(customer, number.rate_center)
        order = place(customer, total=TOTAL)
        Order.objects.filter(pk=order.pk).update(state=Order.State.PAYING, completed_at=None)
        paid = CartLine.objects.create(
            cart=customer.cart, token=line.token, product=line.product, kind="did", rate_center=line.rate_center
        )
        with pytest.raises(carts.BeingPaid, match="Pay Per Minute is being paid right now. See “Orders”"):
            carts.remove(account=customer, session=SessionStore(), line=paid.pk)
        assert CartLine.objects.count() == 1


class TestAtCheckout:
    def test_the_number_is_assigned_and_an_e_mail_says_which(self, customer, number):
        add_number(customer, number.rate_center)
        order = place(customer, total=TOTAL)
        number.refresh_from_db()
        assert (order.state, number.state, number.holder, number.held_by) == ("completed", "assigned", customer, None)
        assert [(code, state) for code, state, *_ in held(customer)] == [
            ("pay-per-minute", "active"),
            ("e911", "pending"),
        ]
        service = Service.objects.get(kind="did")
        assert (service.phone_number, service.rate_center) == (number, number.rate_center)
        assert list(order.lines.get(product__code="pay-per-minute").services.all()) == [service]
        mail = Email.objects.get(subject="Your new phone number: (518) 555-0123")
        assert "(518) 555-0123 in Albany, NY is yours now, under Pay Per Minute." in mail.message
        assert (balance(customer), CartLine.objects.count()) == (200 - TOTAL, 0)

    def test_a_hold_that_ran_out_is_no_matter_while_nobody_took_the_number(self, customer, number):
        add_number(customer, number.rate_center)
        assert place(customer, now=NOON + 16 * MINUTE, total=TOTAL).state == Order.State.COMPLETED

    def test_a_number_that_somebody_else_has_by_now_refuses_the_order(self, customer, bob, number):
        add_number(customer, number.rate_center)
        PhoneNumber.objects.update(held_by=uuid4(), held_until=NOON + HELD_FOR)
        with pytest.raises(checkout.CheckoutRefused, match="it is no longer free. Remove it and choose another"):
            place(customer, total=TOTAL)
        assert (balance(customer), held(customer), CartLine.objects.count()) == (200, [], 1)
        assert quoted(customer).lines[0].problem == (
            "(518) 555-0123 is not kept for you any more, and it is no longer free. "
            "Remove it and choose another number."
        )

    def test_a_product_withdrawn_from_the_place_refuses_the_order(self, customer, number):
        offering = Offering.objects.create(
            product=Product.objects.get(code="dirt-cheap"), rate_center=number.rate_center
        )
        add_number(customer, number.rate_center, code="dirt-cheap")
        offering.delete()
        with pytest.raises(checkout.CheckoutRefused, match="Dirt Cheap is no longer sold in Albany, NY."):
            place(customer, total=TOTAL)

    def test_several_numbers_are_each_assigned(self, customer, number):
        PhoneNumberFactory.create_batch(2, rate_center=number.rate_center)
        for _ in range(3):
            add_number(customer, number.rate_center)
        # Three numbers at 5.27, 911 once at 2.52, and the tax.
        order = place(customer, total=Decimal("19.96"))
        assert (order.subtotal, order.tax) == (Decimal("18.33"), Decimal("1.63"))
        assert states() == ["assigned"] * 3
        assert Email.objects.filter(subject__startswith="Your new phone number").count() == 3

    def test_out_of_stock_is_paid_and_waits_for_staff(self, customer, albany):
        add_number(customer, albany)
        order = place(customer, total=TOTAL)
        service = Service.objects.get(kind="did")
        assert (service.state, service.phone_number, service.back_order.state) == ("pending", None, "waiting")
        assert (service.back_order.account, service.back_order.rate_center) == (customer, albany)
        assert (order.state, balance(customer)) == ("completed", 200 - TOTAL)
        assert not Email.objects.filter(subject__startswith="Your new phone number").exists()

    def test_an_order_that_cannot_be_paid_assigns_nothing(self, customer, number):
        ledger.charge(account=customer, key="spent", net=Decimal("199"), tax=Decimal(0), memo="Spent", made_at=NOON)
        add_number(customer, number.rate_center)
        with pytest.raises(checkout.CheckoutRefused, match="Add a card or add funds"):
            place(customer, total=TOTAL)
        assert (states(), held(customer), CartLine.objects.count()) == (["held"], [], 1)


@pytest.mark.django_db(transaction=True)
class TestByCard:
    @pytest.fixture
    def poor(self, customer, stripe_server):
        ledger.charge(account=customer, key="spent", net=Decimal("200"), tax=Decimal(0), memo="Spent", made_at=NOON)
        return customer

    def test_the_number_is_held_anew_while_the_bank_is_asked(self, poor, number, add_card):
        add_number(poor, number.rate_center)
        asked = NOON + 14 * MINUTE
        card = add_card(poor, number="4000002760003184")
        assert place(poor, now=asked, total=TOTAL, card=card).state == Order.State.PAYING
        number.refresh_from_db()
        assert number.held_until == asked + HELD_FOR

    def test_a_hold_that_ran_out_while_the_bank_was_asked_leaves_the_money_in_the_balance(
        self, poor, number, add_card, bob
    ):
        add_number(poor, number.rate_center)
        order = place(poor, total=TOTAL, card=add_card(poor, number="4000002760003184"))
        # Half an hour later somebody else has it; then the customer answers the bank.
        PhoneNumber.objects.update(state="assigned", holder=bob, held_by=None, held_until=None)
        order.payment.state, order.payment.settled_at = "succeeded", NOON
        order.payment.save()
        credit(poor, str(TOTAL))
        order = checkout.finish(order, now=NOON + 30 * MINUTE)
        assert (order.state, balance(poor), held(poor)) == (Order.State.FAILED, TOTAL, [])
        assert order.problem == (
            "Your Visa 3184 was charged $8.48, and the money is in your balance. The order was not completed: "
            "(518) 555-0123 is no longer free. Choose another number."
        )
        assert CartLine.objects.count() == 1

    def test_911_that_ends_while_the_bank_is_asked_is_given_back(self, poor, number, add_card):
        add_number(poor, number.rate_center)
        order = place(poor, total=TOTAL, card=add_card(poor, number="4000002760003184"))
        moving.serve_at(poor, AddressFactory(country="DE", region=""), now=NOON)
        order.payment.state, order.payment.settled_at = "succeeded", NOON
        order.payment.save()
        credit(poor, str(TOTAL))
        assert checkout.finish(order, now=NOON).state == Order.State.COMPLETED
        # 911 for 2.52 and its share of the tax.
        assert [(code, state) for code, state, *_ in held(poor)] == [("pay-per-minute", "active")]
        assert balance(poor) == Decimal("2.74")
