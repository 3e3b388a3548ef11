"""Ordering a phone number: into the cart, held for 15 minutes, assigned at checkout or ordered for staff to fill."""

import threading
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from post_office.models import Email

from accounts.models import Account
from billing import ledger
from billing.models import Service
from callcentric.errors import Refused
from catalog.models import Product
from orders import cart as carts
from orders import checkout, pricing
from orders.models import Cart, CartLine, Order
from phone_numbers.models import BackOrder, Offering, PhoneNumber
from phone_numbers.stock import HELD_FOR, NumberTaken
from tests.factories import AccountFactory, PhoneNumberFactory, RateCenterFactory
from tests.orders.checkouts import NOON, balance, held, place
from tests.orders.conftest import credit, live_at_the_billing_address

# Pay Per Minute on 11 January: set-up 3.95 and 1.32, 911 for 1.50 and 1.02, and 8.875 % of that.
TOTAL = Decimal("8.48")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def customer(alice, catalog, taxes) -> Account:
    credit(alice, "200")
    return live_at_the_billing_address(alice)


@pytest.fixture
def albany(db):
    return RateCenterFactory(name="Albany")


@pytest.fixture
def number(albany) -> PhoneNumber:
    return PhoneNumberFactory(digits="15185550123", rate_center=albany)


def add(account: Account | None, rate_center, *, code="pay-per-minute", session=None, now=NOON, **more) -> CartLine:
    return carts.add_number(
        account=account,
        session=session or SessionStore(),
        product=Product.objects.get(code=code),
        rate_center=rate_center,
        now=now,
        **more,
    )


def quoted(account: Account, now=NOON):
    lines = carts.lines_of(account.cart)
    return pricing.quote_for(account=account, lines=lines, now=now, service_address=account.service_address)


def states() -> list[str]:
    return list(PhoneNumber.objects.order_by("digits").values_list("state", flat=True))


class TestIntoTheCart:
    def test_any_number_of_the_area_is_held_for_15_minutes(self, customer, number):
        line = add(customer, number.rate_center)
        number.refresh_from_db()
        assert (line.phone_number, number.state, number.held_by) == (number, "held", line.token)
        assert number.held_until == NOON + HELD_FOR

    def test_the_chosen_number_is_held(self, customer, number):
        chosen = PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        assert add(customer, number.rate_center, chosen=chosen).phone_number == chosen
        assert states() == ["in_stock", "held"]

    def test_the_same_press_twice_holds_one(self, customer, number):
        PhoneNumberFactory(rate_center=number.rate_center)
        token = uuid4()
        first = add(customer, number.rate_center, token=token)
        assert add(customer, number.rate_center, token=token) == first
        assert sorted(states()) == ["held", "in_stock"]

    def test_a_number_in_another_cart_is_refused(self, customer, bob, number):
        add(customer, number.rate_center)
        PhoneNumberFactory(rate_center=number.rate_center)
        with pytest.raises(NumberTaken, match=r"\(518\) 555-0123 was taken just now. Choose another number."):
            add(bob, number.rate_center, chosen=number)
        assert CartLine.objects.filter(cart__account=bob).count() == 0

    def test_a_hold_that_ran_out_is_free_before_any_job_runs(self, customer, bob, number):
        add(customer, number.rate_center)
        # The place counts it again once the job has run; another is in stock meanwhile.
        PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        line = add(bob, number.rate_center, chosen=number, now=NOON + HELD_FOR)
        number.refresh_from_db()
        assert number.held_by == line.token

    def test_nothing_in_stock_makes_a_line_for_staff(self, customer, albany):
        line = add(customer, albany)
        assert (line.phone_number, line.rate_center) == (None, albany)
        assert quoted(customer).lines[0].about == "in Albany, NY"
        assert (
            quoted(customer)
            .lines[0]
            .reasons[0]
            .startswith("No number was in stock there when you chose it")
        )

    def test_what_is_in_stock_belongs_to_those_who_wait(self, customer, bob, number):
        product = Product.objects.get(code="pay-per-minute")
        BackOrder.objects.create(account=bob, product=product, rate_center=number.rate_center)
        assert add(customer, number.rate_center).phone_number is None
        with pytest.raises(NumberTaken, match="is not in stock any more"):
            add(customer, number.rate_center, chosen=number)

    def test_a_cart_takes_ten_numbers(self, customer, albany):
        for _ in range(10):
            add(customer, albany)
        with pytest.raises(carts.NotForTheCart, match="A cart takes 10 numbers. Check out first, then order more."):
            add(customer, albany)

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
            assert add(customer, there, code=code).product.code == code
        else:
            with pytest.raises(carts.NotForTheCart, match="is not sold in Troy"):
                add(customer, there, code=code)

    def test_taking_it_out_lets_the_number_go(self, customer, number):
        line = add(customer, number.rate_center)
        assert carts.remove(account=customer, session=SessionStore(), line=line.pk) is True
        assert states() == ["in_stock"]

    def test_a_visitors_number_stays_held_through_login(self, customer, number):
        session = SessionStore()
        line = add(None, number.rate_center, session=session)
        mine = carts.current(account=customer, session=session)
        assert [(each.token, each.phone_number) for each in carts.lines_of(mine)] == [(line.token, number)]
        assert Cart.objects.count() == 1
        number.refresh_from_db()
        assert number.held_by == line.token

    def test_a_visitors_hold_of_the_customers_own_lapsed_number_is_the_one_that_stays(self, customer, number):
        add(customer, number.rate_center)
        session = SessionStore()
        fresh = add(None, number.rate_center, session=session, chosen=number, now=NOON + 16 * MINUTE)
        mine = carts.current(account=customer, session=session)
        assert [(each.token, each.phone_number) for each in carts.lines_of(mine)] == [(fresh.token, number)]
        assert quoted(customer, now=NOON + 17 * MINUTE).problems == ()

    def test_ordering_any_number_again_holds_the_lapsed_one_and_another(self, customer, number):
        first = add(customer, number.rate_center)
        PhoneNumberFactory(digits="15185550199", rate_center=number.rate_center)
        later = NOON + 16 * MINUTE
        second = add(customer, number.rate_center, now=later)
        assert [str(first.phone_number), str(second.phone_number)] == ["(518) 555-0123", "(518) 555-0199"]
        assert set(PhoneNumber.objects.values_list("held_until", flat=True)) == {later + HELD_FOR}

    def test_ordering_it_again_under_another_product_does_not_take_it_twice(self, customer, number):
        add(customer, number.rate_center)
        line = add(customer, number.rate_center, code="office-unlimited", now=NOON + 16 * MINUTE)
        assert line.phone_number is None

    def test_choosing_the_number_that_is_in_the_cart_holds_it_anew(self, customer, number):
        line = add(customer, number.rate_center)
        assert add(customer, number.rate_center, chosen=number, now=NOON + MINUTE) == line
        number.refresh_from_db()
        assert (number.held_until, CartLine.objects.count()) == (NOON + MINUTE + HELD_FOR, 1)

    def test_a_form_that_two_visitors_share_holds_one_number_for_each(self, catalog, number):
        PhoneNumberFactory(rate_center=number.rate_center)
        token = uuid4()
        lines = [add(None, number.rate_center, token=token) for _ in range(2)]
        assert len({line.token for line in lines}) == len({line.phone_number for line in lines}) == 2

    def test_a_form_that_somebody_comes_back_to_orders_another_number(self, customer, number):
        PhoneNumberFactory(rate_center=number.rate_center)
        token = uuid4()
        add(customer, number.rate_center, token=token)
        add(customer, number.rate_center, token=token, now=NOON + MINUTE)
        assert states() == ["held", "held"]

    def test_a_lapsed_number_that_others_wait_for_is_theirs(self, customer, bob, number):
        line = add(customer, number.rate_center)
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
        line = add(customer, albany)
        number = PhoneNumberFactory(rate_center=albany)
        carts.hold_again(account=customer, session=SessionStore(), line=line.pk, now=NOON)
        line.refresh_from_db()
        number.refresh_from_db()
        assert (line.phone_number, number.held_by) == (number, line.token)

    def test_it_can_be_held_again(self, customer, number):
        line = add(customer, number.rate_center)
        later = NOON + 20 * MINUTE
        carts.hold_again(account=customer, session=SessionStore(), line=line.pk, now=later)
        number.refresh_from_db()
        assert number.held_until == later + HELD_FOR

    def test_nobody_holds_again_for_somebody_else(self, customer, bob, number):
        line = add(customer, number.rate_center)
        Cart.objects.create(account=bob)
        with pytest.raises(CartLine.DoesNotExist):
            carts.hold_again(account=bob, session=SessionStore(), line=line.pk, now=NOON)

    def test_what_is_being_paid_stays_in_the_cart(self, customer, number):
        line = add(customer, number.rate_center)
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
        add(customer, number.rate_center)
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
        add(customer, number.rate_center)
        assert place(customer, now=NOON + 16 * MINUTE, total=TOTAL).state == Order.State.COMPLETED

    def test_a_number_that_somebody_else_has_by_now_refuses_the_order(self, customer, bob, number):
        add(customer, number.rate_center)
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
        add(customer, number.rate_center, code="dirt-cheap")
        offering.delete()
        with pytest.raises(checkout.CheckoutRefused, match="Dirt Cheap is no longer sold in Albany, NY."):
            place(customer, total=TOTAL)

    def test_several_numbers_are_each_assigned(self, customer, number):
        PhoneNumberFactory.create_batch(2, rate_center=number.rate_center)
        for _ in range(3):
            add(customer, number.rate_center)
        # Three numbers at 5.27, 911 once at 2.52, and the tax.
        order = place(customer, total=Decimal("19.96"))
        assert (order.subtotal, order.tax) == (Decimal("18.33"), Decimal("1.63"))
        assert states() == ["assigned"] * 3
        assert Email.objects.filter(subject__startswith="Your new phone number").count() == 3

    def test_out_of_stock_is_paid_and_waits_for_staff(self, customer, albany):
        add(customer, albany)
        order = place(customer, total=TOTAL)
        service = Service.objects.get(kind="did")
        assert (service.state, service.phone_number, service.back_order.state) == ("pending", None, "waiting")
        assert (service.back_order.account, service.back_order.rate_center) == (customer, albany)
        assert (order.state, balance(customer)) == ("completed", 200 - TOTAL)
        assert not Email.objects.filter(subject__startswith="Your new phone number").exists()

    def test_an_order_that_cannot_be_paid_assigns_nothing(self, customer, number):
        ledger.charge(account=customer, key="spent", net=Decimal("199"), tax=Decimal(0), memo="Spent", made_at=NOON)
        add(customer, number.rate_center)
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
        add(poor, number.rate_center)
        asked = NOON + 14 * MINUTE
        card = add_card(poor, number="4000002760003184")
        assert place(poor, now=asked, total=TOTAL, card=card).state == Order.State.PAYING
        number.refresh_from_db()
        assert number.held_until == asked + HELD_FOR

    def test_a_hold_that_ran_out_while_the_bank_was_asked_leaves_the_money_in_the_balance(
        self, poor, number, add_card, bob
    ):
        add(poor, number.rate_center)
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


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestSixteenAtOnce:
    def customers(self, number, taxes) -> list[Account]:
        """Sixteen customers with the same number in their carts, held for none of them any more."""
        accounts = [live_at_the_billing_address(AccountFactory()) for _ in range(16)]
        product = Product.objects.get(code="pay-per-minute")
        for account in accounts:
            credit(account, "20")
            CartLine.objects.create(
                cart=Cart.objects.create(account=account),
                product=product,
                kind=product.kind,
                rate_center=number.rate_center,
                phone_number=number,
            )
        return accounts

    def test_one_gets_the_number_and_nobody_else_pays(self, number, catalog, taxes):
        accounts = self.customers(number, taxes)
        barrier, bought, refusals, surprises = threading.Barrier(16), [], [], []

        def order(account: Account) -> None:
            barrier.wait()
            try:
                bought.append(place(account, total=TOTAL).account)
            except Refused as refusal:
                refusals.append(str(refusal))
            except Exception as surprise:
                surprises.append(surprise)
            finally:
                connection.close()

        threads = [threading.Thread(target=order, args=[account]) for account in accounts]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        number.refresh_from_db()
        assert (surprises, len(bought), len(refusals)) == ([], 1, 15)
        assert bought == [number.holder]
        assert [balance(account) for account in accounts] == [
            20 - TOTAL if account == number.holder else 20 for account in accounts
        ]
