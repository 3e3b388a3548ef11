"""Checkout with a card: one charge and one order, or neither, whatever happens in between."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from post_office.models import Email

from accounts.models import Account
from billing import ledger, payments
from billing.models import Payment, Transfer
from orders import checkout
from orders.checkout import CheckoutRefused
from orders.models import CartLine, Order
from tests.localstripe import answer_bank
from tests.orders.checkouts import NOON, TOTAL, balance, held, place


@pytest.mark.django_db(transaction=True)
class TestByCard:
    @pytest.fixture
    def poor(self, shopper, stripe_server):
        """Alice with $2.00 left."""
        ledger.charge(account=shopper, key="spent", net=Decimal("198"), tax=Decimal(0), memo="Spent", made_at=NOON)
        return shopper

    def test_the_card_pays_what_the_balance_does_not(self, poor, add_card):
        order = place(poor, card=add_card(poor))
        assert (order.state, order.from_card) == (Order.State.COMPLETED, Decimal("4.76"))
        assert balance(poor) == 0
        assert list(Transfer.objects.order_by("pk").values_list("kind", "amount"))[2:] == [
            ("card_payment", Decimal("4.76")),
            ("charge", Decimal("6.21")),
            ("tax", Decimal("0.55")),
        ]

    def test_the_card_pays_all_where_the_customer_says_so(self, poor, add_card):
        order = place(poor, card=add_card(poor), pays_from=Account.PaysFrom.CARD)
        assert (order.from_card, balance(poor)) == (TOTAL, 2)

    def test_a_declined_card_changes_nothing(self, poor, add_card):
        token = uuid4()
        order = place(poor, card=add_card(poor, number="4000000000000341"), token=token)
        assert (order.state, order.payment.state) == (Order.State.FAILED, Payment.State.FAILED)
        assert "declined" in order.problem
        assert balance(poor) == 2
        assert held(poor) == []
        assert CartLine.objects.filter(cart__account=poor).count() == 1
        # Pressing the same button again says the same again; a fresh page may try another card.
        assert place(poor, card=add_card(poor), token=token).pk == order.pk
        assert place(poor, card=add_card(poor)).state == Order.State.COMPLETED

    def test_an_expired_card_is_refused_before_the_bank_is_asked(self, poor, add_card):
        card = add_card(poor)
        card.expires_year = 2026
        card.save()
        with pytest.raises(payments.CardProblem, match="expired"):
            place(poor, card=card)
        assert Payment.objects.count() == 0

    def test_a_card_that_wants_3d_secure_leaves_the_order_waiting(self, poor, add_card):
        order = place(poor, card=add_card(poor, number="4000002760003184"))
        assert (order.state, order.payment.state) == (Order.State.PAYING, Payment.State.NEEDS_CUSTOMER)
        assert held(poor) == []
        with pytest.raises(CheckoutRefused, match="An order of yours is being paid right now."):
            place(poor, card=add_card(poor))

    def test_the_sweep_finishes_what_a_crash_left(self, poor, add_card, monkeypatch):
        """The process dies between the bank's answer and the order."""

        class Killed(BaseException):
            pass

        def die(*args, **kwargs):
            raise Killed

        card = add_card(poor)
        monkeypatch.setattr(checkout, "finish", die)
        with pytest.raises(Killed):
            place(poor, card=card)
        monkeypatch.undo()
        assert Order.objects.get().state == Order.State.PAYING
        assert checkout.finish_all(now=NOON) == 1
        assert checkout.finish_all(now=NOON) == 0
        assert (Order.objects.get().state, balance(poor), len(held(poor))) == (Order.State.COMPLETED, 0, 2)

    def test_charged_but_not_ordered_leaves_the_money_in_the_balance_and_says_so(self, poor, add_card, monkeypatch):
        """While the bank is asked, the customer spends the balance elsewhere."""
        charge = payments.charge

        def spend_meanwhile(payment, *, now):
            ledger.charge(
                account=poor, key="meanwhile", net=Decimal("2"), tax=Decimal(0), memo="Meanwhile", made_at=now
            )
            return charge(payment, now=now)

        monkeypatch.setattr(payments, "charge", spend_meanwhile)
        order = place(poor, card=add_card(poor))
        assert order.state == Order.State.FAILED
        assert order.problem.startswith("Your Visa 4242 was charged $4.76, and the money is in your balance.")
        assert (balance(poor), held(poor)) == (Decimal("4.76"), [])

    def test_an_order_that_the_bank_answers_after_midnight_pays_what_it_was_priced_for(self, poor, add_card):
        """Placed on the 26th and finished on the 27th: a month that was not charged is not given away."""
        before = NOON.replace(day=26, hour=23, minute=55)
        # 6.95 * 6 / 31 = 1.35; 911's fee 1.50; tax 0.25.
        order = place(poor, now=before, total=Decimal("3.10"), card=add_card(poor, number="4000002760003184"))
        answer_bank(order.payment.stripe_id, agree=True)
        payments.refresh(order.payment, now=before + timedelta(minutes=10))
        assert checkout.finish_all(now=before + timedelta(minutes=10)) == 1
        assert [(started, paid_until) for _, _, started, paid_until in held(poor)] == [
            (date(2027, 1, 26), date(2027, 1, 31))
        ] * 2

    def test_charged_but_not_ordered_is_told_by_e_mail_and_in_the_list(self, poor, add_card, alice_client):
        order = place(poor, card=add_card(poor, number="4000002760003184"))
        ledger.charge(account=poor, key="meanwhile", net=Decimal(2), tax=Decimal(0), memo="Meanwhile", made_at=NOON)
        answer_bank(order.payment.stripe_id, agree=True)
        payments.refresh(order.payment, now=NOON)
        assert checkout.finish_all(now=NOON) == 1
        mail = Email.objects.get()
        assert mail.subject == f"Your Callcentric order {order.reference} was not completed"
        assert "the money is in your balance" in mail.message
        assert [each.reference for each in alice_client.get("/orders/").context["page"]] == [order.reference]

    def test_a_payment_given_up_fails_its_order(self, poor, add_card):
        order = place(poor, card=add_card(poor, number="4000002760003184"))
        payments.settle_unknown(now=NOON + timedelta(hours=1))
        assert checkout.finish_all(now=NOON + timedelta(hours=1)) == 1
        order.refresh_from_db()
        assert (order.state, order.problem) == (
            Order.State.FAILED,
            "The payment was not confirmed in time. Nothing was charged. Try again.",
        )
