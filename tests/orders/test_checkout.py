"""Checkout: all of it or nothing, once, whatever happens in between (domain.md §5)."""

import threading
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress
from django.db import IntegrityError, connection, transaction
from post_office.models import Email

from accounts.embargo import NotServed
from accounts.models import Account, EmbargoedCountry
from billing import ledger
from billing.models import Payment, Service, Transfer
from catalog.models import Product
from orders import cart as carts
from orders import pricing
from orders.checkout import CheckoutRefused
from orders.models import CartLine, Order, OrderLine
from tests.factories import AddressFactory
from tests.orders.checkouts import NOON, TOTAL, balance, held, place, untouched
from tests.orders.conftest import credit, put_into_cart


class TestFromTheBalance:
    def test_the_order_is_complete_at_once(self, shopper):
        order = place(shopper)
        assert (order.state, order.subtotal, order.tax, order.total, order.from_card) == (
            Order.State.COMPLETED,
            Decimal("6.21"),
            Decimal("0.55"),
            TOTAL,
            0,
        )
        assert balance(shopper) == 200 - TOTAL
        assert held(shopper) == [
            ("north-america-500", "active", date(2027, 1, 11), date(2027, 1, 31)),
            ("e911", "pending", date(2027, 1, 11), date(2027, 1, 31)),
        ]
        assert CartLine.objects.count() == 0

    def test_the_charge_and_its_tax_are_two_transfers(self, shopper):
        order = place(shopper)
        made = Transfer.objects.exclude(kind=Transfer.Kind.CREDIT).order_by("pk")
        assert list(made.values_list("key", "kind", "amount")) == [
            (f"order:{order.pk}", "charge", Decimal("6.21")),
            (f"order:{order.pk}:tax", "tax", Decimal("0.55")),
        ]

    def test_the_lines_keep_what_the_cart_said(self, shopper):
        lines = place(shopper).lines.order_by("position")
        assert [(line.product.code, line.amount, line.services.get().kind) for line in lines] == [
            ("north-america-500", Decimal("4.71"), "plan"),
            ("e911", Decimal("1.50"), "e911"),
        ]
        assert lines[0].explanation == ("21 of the 31 days of January are left, today included: $4.71 of $6.95.")

    def test_an_e_mail_confirms_it(self, shopper):
        order = place(shopper)
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (["alice@example.com"], f"Your Callcentric order {order.reference}")
        assert "911 is NOT ACTIVE YET." in mail.message
        assert "Total:    $6.76" in mail.message

    def test_from_the_27th_on_the_next_month_is_paid_too(self, shopper):
        late = NOON.replace(day=27)
        # 6.95 * 5 / 31 = 1.12, and February 6.95; 911's fee 1.50; tax 0.85.
        order = place(shopper, now=late, total=Decimal("10.42"))
        assert order.subtotal == Decimal("9.57")
        assert held(shopper)[0][3] == date(2027, 2, 28)

    def test_a_plan_replaces_the_one_before(self, shopper):
        place(shopper)
        put_into_cart(shopper, "north-america-basic")
        # 1.95 * 21 / 31 = 1.32, tax 0.12; 911 is there already.
        place(shopper, total=Decimal("1.44"))
        old = Service.objects.get(state=Service.State.CANCELLED)
        assert (old.product.code, old.cancelled_on, old.reason) == (
            "north-america-500",
            date(2027, 1, 11),
            Service.Reason.REPLACED,
        )
        assert [service[0] for service in held(shopper)] == ["e911", "north-america-basic"]

    def test_a_plan_that_costs_nothing_is_an_order_too(self, shopper):
        CartLine.objects.all().delete()
        put_into_cart(shopper, "pay-per-call")
        shopper.service_address = AddressFactory(country="DE", city="Berlin", region="", postal_code="10115")
        shopper.save()
        order = place(shopper, total=Decimal("0"))
        assert (order.state, balance(shopper)) == (Order.State.COMPLETED, 200)
        assert [service[0] for service in held(shopper)] == ["pay-per-call"]

    def test_a_price_that_staff_change_later_changes_no_order(self, shopper):
        order = place(shopper)
        plan = Product.objects.get(code="north-america-500")
        plan.prices.create(effective_on=date(2027, 1, 12), monthly=Decimal("99"))
        assert OrderLine.objects.get(order=order, position=1).amount == Decimal("4.71")
        assert Order.objects.get(pk=order.pk).total == TOTAL


class TestMoving:
    """911 at another address than before (domain.md §12: say plainly when it is not active)."""

    def move(self, account: Account, **more) -> None:
        account.service_address = AddressFactory(street="9 Far Road", **more)
        account.save()

    def order_again(self, account: Account) -> None:
        put_into_cart(account, "north-america-basic")
        place(account, total=Decimal("1.44"))

    def test_911_goes_along_and_waits_to_be_confirmed_again(self, shopper):
        place(shopper)
        emergency = Service.objects.get(kind="e911")
        Service.objects.filter(pk=emergency.pk).update(state=Service.State.ACTIVE, confirmed_at=NOON)
        self.move(shopper)
        put_into_cart(shopper, "north-america-basic")
        quoted = pricing.quote_for(
            account=shopper,
            lines=carts.lines_of(shopper.cart),
            now=NOON,
            service_address=shopper.service_address,
        )
        assert quoted.notes == (
            "Your 911 service moves to 9 Far Road, Albany, NY 12207, United States of America. "
            "It is not active there until we have confirmed the address; we e-mail you then.",
        )
        place(shopper, total=Decimal("1.44"))
        emergency.refresh_from_db()
        assert (emergency.state, emergency.address.street, emergency.confirmed_at) == (
            Service.State.PENDING,
            "9 Far Road",
            None,
        )

    def test_the_same_address_again_changes_nothing(self, shopper):
        place(shopper)
        Service.objects.filter(kind="e911").update(state=Service.State.ACTIVE, confirmed_at=NOON)
        shopper.service_address = AddressFactory()
        shopper.save()
        self.order_again(shopper)
        assert Service.objects.get(kind="e911").state == Service.State.ACTIVE


class TestRefusals:
    def refused(self, account, words, **more):
        with pytest.raises(CheckoutRefused) as refusal:
            place(account, **more)
        assert str(refusal.value) == words
        assert Order.objects.filter(account=account).count() == 0

    def test_an_empty_cart(self, shopper):
        CartLine.objects.all().delete()
        self.refused(shopper, "Your cart is empty. If you have just ordered in another window, see “Orders”.")

    def test_a_withdrawn_product(self, shopper):
        Product.objects.filter(code="north-america-500").update(is_offered=False)
        self.refused(shopper, "North America 500 is no longer offered. Remove it from the cart to go on.")
        assert untouched(shopper)

    def test_an_unconfirmed_e_mail_address(self, shopper):
        EmailAddress.objects.update(verified=False)
        self.refused(shopper, "Confirm your e-mail address before your first order: we sent you a link.")
        assert untouched(shopper)

    def test_a_total_that_has_changed_since_the_page_was_shown(self, shopper):
        words = "The total has changed to $6.76 since the page was shown. Look it over and confirm again."
        self.refused(shopper, words, total=Decimal("6.00"))
        assert untouched(shopper)

    @pytest.mark.parametrize("which", ["billing_address", "service_address"])
    def test_an_embargoed_address(self, shopper, which):
        EmbargoedCountry.objects.get_or_create(country="CU")
        setattr(shopper, which, AddressFactory(country="CU", city="Havana", region="", postal_code=""))
        shopper.save()
        with pytest.raises(NotServed, match="We cannot serve addresses in Cuba"):
            place(shopper)
        assert untouched(shopper)

    def test_too_little_in_the_balance_and_no_card(self, bob, catalog, taxes):
        bob.service_address = bob.billing_address
        bob.save()
        credit(bob, "2.00")
        put_into_cart(bob)
        self.refused(bob, "Your balance is $4.76 short. Add a card or add funds, then confirm again.")
        assert (untouched(bob), balance(bob)) == (True, 2)

    def test_a_split_that_was_not_shown(self, shopper, stripe_server, add_card):
        """The page said that the balance pays; meanwhile the balance was spent elsewhere."""
        card = add_card(shopper)
        ledger.charge(account=shopper, key="spent", net=Decimal("198"), tax=Decimal(0), memo="Spent", made_at=NOON)
        self.refused(
            shopper,
            "Your balance has changed since the page was shown: the card would now pay $4.76. "
            "Look it over and confirm again.",
            card=card,
            from_card=Decimal(0),
        )
        assert (untouched(shopper), balance(shopper), Payment.objects.count()) == (False, 2, 0)

    def test_a_product_without_a_price_yet(self, shopper, alice_client):
        later = Product.objects.create(code="later", kind="plan", name="Later", summary="Not yet")
        later.prices.create(effective_on=date(2999, 1, 1), monthly=Decimal(1))
        response = alice_client.post("/cart/add/", {"product": "later"})
        assert response.status_code == 409
        assert "Later is not on sale yet." in response.content.decode()

    def test_no_address_yet(self, shopper):
        shopper.service_address = None
        shopper.save()
        self.refused(shopper, "We need your address before you can order.")


class TestOnce:
    def test_the_same_confirmation_again_is_the_same_order(self, shopper):
        token = uuid4()
        first, second = place(shopper, token=token), place(shopper, token=token)
        assert (first.pk, balance(shopper)) == (second.pk, 200 - TOTAL)

    def test_another_customers_token_means_nothing(self, shopper, bob, catalog):
        token = uuid4()
        place(shopper, token=token)
        bob.service_address = bob.billing_address
        bob.save()
        credit(bob, "50")
        put_into_cart(bob)
        assert place(bob, token=token).account == bob

    def test_a_second_tab_finds_the_cart_empty(self, shopper):
        place(shopper)
        with pytest.raises(CheckoutRefused, match="Your cart is empty"):
            place(shopper)

    @pytest.mark.race
    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("same_token", [True, False])
    def test_sixteen_presses_at_once_make_one_order(self, shopper, same_token):
        token = uuid4()
        barrier = threading.Barrier(16)
        orders, refusals, surprises = [], [], []

        def press():
            barrier.wait()
            try:
                orders.append(place(shopper, token=token if same_token else None).pk)
            except CheckoutRefused as refusal:
                refusals.append(str(refusal))
            except Exception as surprise:
                surprises.append(surprise)
            finally:
                connection.close()

        threads = [threading.Thread(target=press) for _ in range(16)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert surprises == []
        assert (len(orders), len(refusals)) == ((16, 0) if same_token else (1, 15))
        assert Order.objects.count() == 1
        assert balance(shopper) == 200 - TOTAL
        assert len(held(shopper)) == 2


class TestPostgreSQLHolds:
    def order(self, account, **more):
        amounts = {"subtotal": Decimal(1), "tax": Decimal(0), "total": Decimal(1), "tax_rate": Decimal(0)}
        addresses = {"billing_address": account.billing_address, "service_address": account.billing_address}
        return Order(**{"account": account, "token": uuid4(), **amounts, **addresses, **more})

    @pytest.mark.parametrize(
        ("constraint", "more"),
        [
            ("order_total_is_its_parts", {"total": Decimal(2)}),
            ("order_amounts_are_not_negative", {"subtotal": Decimal(-1), "total": Decimal(-1)}),
            ("what_a_card_pays_has_a_payment", {"from_card": Decimal(1)}),
            ("a_completed_order_says_when", {"state": "completed"}),
        ],
    )
    def test_an_order_that_cannot_be(self, alice, constraint, more):
        with pytest.raises(IntegrityError, match=constraint):
            self.order(alice, **more).save()

    def test_one_order_at_a_time_is_being_paid(self, alice):
        self.order(alice).save()
        with pytest.raises(IntegrityError, match="one_order_at_a_time_is_being_paid"):
            self.order(alice).save()

    def test_one_order_per_confirmation(self, alice):
        token = uuid4()
        self.order(alice, token=token, state="failed").save()
        with pytest.raises(IntegrityError, match="one_order_per_confirmation"):
            self.order(alice, token=token, state="failed").save()

    def test_order_lines(self, alice, catalog):
        order = self.order(alice)
        order.save()
        plan = Product.objects.get(code="pay-per-call")
        OrderLine.objects.create(order=order, product=plan, position=1)
        for constraint, line in [
            ("order_lines_have_places", {"position": 1}),
            ("order_line_is_not_negative", {"position": 2, "setup": Decimal(-1)}),
        ]:
            with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
                OrderLine.objects.create(order=order, product=plan, **line)


def test_the_cart_and_the_checkout_agree(shopper):
    lines = carts.lines_of(shopper.cart)
    quoted = pricing.quote_for(account=shopper, lines=lines, now=NOON, service_address=shopper.service_address)
    assert (quoted.total, place(shopper).total) == (TOTAL, TOTAL)
