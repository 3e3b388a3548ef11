"""Charging cards at localstripe: whatever happens in between, one charge or none."""

import threading
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from post_office.models import Email

from billing import ledger, payments, stripe_api
from billing.models import Card, Payment, Transfer
from callcentric import clock
from tests import localstripe
from tests.localstripe import add_card, answer_bank, charges
from tests.stripe_proxy import BROKEN, BUSY, TIMEOUT_AFTER, TIMEOUT_BEFORE

State = Payment.State
TEN = Decimal("10.00")


@pytest.fixture
def now():
    return clock.now()


@pytest.fixture
def card(alice, stripe_server) -> Card:
    return add_card(alice)


def begin(account, card, now, **options) -> Payment:
    options = {"amount": TEN, "purpose": Payment.Purpose.DEPOSIT, "token": uuid4()} | options
    return payments.begin(account=account, card=card, now=now, **options)


def pay(account, card, now, **options) -> Payment:
    return payments.charge(begin(account, card, now, **options), now=now)


def balance(account) -> Decimal:
    return ledger.of(account).balance


def outcome(account, payment) -> tuple:
    """What the customer has of it in the end: state, balance, number of charges at Stripe."""
    payment.refresh_from_db()
    return payment.state, balance(account), len(charges(account))


class TestBegin:
    def test_it_is_written_down_before_anybody_is_asked(self, alice, card, now, stripe_server):
        stripe_server.reset()
        payment = begin(alice, card, now)
        assert (payment.state, payment.amount, payment.stripe_id, payment.sent_at) == (
            State.CREATED,
            TEN,
            None,
            None,
        )
        assert stripe_server.asked == []

    def test_the_same_token_is_the_same_payment(self, alice, card, now):
        first = begin(alice, card, now, token=UUID(int=1))
        again = begin(alice, card, now, token=UUID(int=1), amount=Decimal("20.00"))
        assert (again.pk, again.amount, Payment.objects.count()) == (first.pk, TEN, 1)

    def test_another_customers_token_is_refused(self, alice, bob, card, now):
        begin(alice, card, now, token=UUID(int=1))
        with pytest.raises(payments.CardProblem, match="out of date"):
            begin(bob, add_card(bob), now, token=UUID(int=1))

    def test_a_deposits_token_does_not_pay_an_order(self, alice, card, now):
        begin(alice, card, now, token=UUID(int=1))
        with pytest.raises(payments.CardProblem, match="This page is out of date."):
            begin(alice, card, now, token=UUID(int=1), purpose=Payment.Purpose.ORDER)

    def test_a_long_row_of_declines_ends_the_day(self, alice, card, now):
        declined = {"account": alice, "card": card, "purpose": "deposit", "amount": TEN, "state": State.FAILED}
        Payment.objects.bulk_create(
            Payment(**declined, token=uuid4(), decline_code="card_declined", created_at=now)
            for _ in range(payments.DECLINES_A_DAY)
        )
        with pytest.raises(payments.CardProblem, match="Too many payments were declined today."):
            begin(alice, card, now)
        assert begin(alice, card, now + timedelta(days=1, minutes=1)).state == State.CREATED

    def test_another_customers_card_is_refused(self, alice, bob, card, now):
        with pytest.raises(payments.CardProblem, match="not among your cards"):
            begin(bob, card, now)

    def test_a_removed_card_is_refused(self, alice, card, now):
        card.removed_at, card.is_default = now, False
        card.save()
        with pytest.raises(payments.CardProblem, match="not among your cards"):
            begin(alice, card, now)

    def test_an_expired_card_is_refused_before_any_call(self, alice, card, now, stripe_server):
        card.expires_month, card.expires_year = 10, 2026
        card.save()
        stripe_server.reset()
        with pytest.raises(payments.CardProblem, match="Your Visa 4242 expired 10/2026."):
            begin(alice, card, now)
        assert stripe_server.asked == []

    def test_fractions_of_a_cent_are_a_mistake_of_ours(self, alice, card, now):
        with pytest.raises(ValueError, match="whole cents"):
            begin(alice, card, now, amount=Decimal("1.005"))


class TestCharge:
    def test_the_money_comes_into_the_balance(self, alice, card, now):
        payment = pay(alice, card, now)
        assert outcome(alice, payment) == (State.SUCCEEDED, TEN, 1)
        transfer = Transfer.objects.get()
        assert (transfer.key, transfer.kind, transfer.memo) == (
            f"stripe:{payment.stripe_id}",
            Transfer.Kind.DEPOSIT,
            "Visa 4242",
        )
        assert charges(alice)[0]["amount"] == 1000

    def test_what_is_no_deposit_is_called_a_card_payment(self, alice, card, now):
        pay(alice, card, now, purpose=Payment.Purpose.ORDER)
        assert Transfer.objects.get().kind == Transfer.Kind.CARD_PAYMENT

    def test_charging_again_asks_nobody(self, alice, card, now, stripe_server):
        payment = pay(alice, card, now)
        stripe_server.reset()
        assert payments.charge(payment, now=now).state == State.SUCCEEDED
        assert stripe_server.asked == []

    def test_a_declined_card_says_so_in_words(self, alice, stripe_server, now):
        payment = pay(alice, add_card(alice, localstripe.DECLINED_WHEN_CHARGED), now)
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        assert payment.decline_code == "card_declined"
        assert payment.problem == (
            "Your bank declined the card. Use another card, or ask your bank. Nothing was charged."
        )

    def test_no_call_is_made_while_a_transaction_is_open(self, alice, card, now, stripe_server):
        payment = begin(alice, card, now)
        stripe_server.reset()
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            payments.charge(payment, now=now)
        assert stripe_server.asked == []


class Test3DSecure:
    @pytest.fixture
    def waiting(self, alice, stripe_server, now):
        return pay(alice, add_card(alice, localstripe.WANTS_3DS), now)

    def test_the_customer_is_asked(self, alice, waiting):
        assert outcome(alice, waiting) == (State.NEEDS_CUSTOMER, 0, 0)
        assert payments.what_bank_asks(waiting).client_secret.startswith(f"{waiting.stripe_id}_secret_")
        assert Email.objects.count() == 0

    def test_confirmed(self, alice, waiting, now):
        answer_bank(waiting.stripe_id, agree=True)
        assert outcome(alice, payments.refresh(waiting, now=now)) == (State.SUCCEEDED, TEN, 1)

    def test_not_confirmed(self, alice, waiting, now):
        answer_bank(waiting.stripe_id, agree=False)
        payment = payments.refresh(waiting, now=now)
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        assert payment.problem == (
            "The payment was not confirmed with your bank. Try again and confirm it, or use another card."
            " Nothing was charged."
        )
        # The page that is still open cannot confirm it any more.
        assert stripe_api.retrieve_intent(payment.stripe_id).status == "canceled"

    def test_declined_after_it(self, alice, stripe_server, now):
        payment = pay(alice, add_card(alice, localstripe.DECLINED_AFTER_3DS), now)
        answer_bank(payment.stripe_id, agree=True)
        payment = payments.refresh(payment, now=now)
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        assert payment.decline_code == "card_declined"

    def test_not_confirmed_while_stripe_has_no_time_to_call_it_off(self, alice, waiting, now, stripe_server):
        answer_bank(waiting.stripe_id, agree=False)
        stripe_server.fail_next("/cancel$", BUSY)
        stripe_server.fail_next("/cancel$", BUSY)
        # Each look asks once, however often Stripe says no.
        assert outcome(alice, payments.refresh(waiting, now=now)) == (State.NEEDS_CUSTOMER, 0, 0)
        assert outcome(alice, payments.refresh(waiting, now=now)) == (State.NEEDS_CUSTOMER, 0, 0)
        assert outcome(alice, payments.refresh(waiting, now=now)) == (State.FAILED, 0, 0)

    def test_called_off_by_the_customer(self, alice, waiting, now):
        payment = payments.call_off(waiting, now=now)
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        assert payment.problem == "You cancelled the payment. Nothing was charged."
        assert stripe_api.retrieve_intent(payment.stripe_id).status == "canceled"

    def test_called_off_too_late(self, alice, waiting, now):
        answer_bank(waiting.stripe_id, agree=True)
        assert outcome(alice, payments.call_off(waiting, now=now)) == (State.SUCCEEDED, TEN, 1)

    def test_it_does_not_wait_for_ever(self, alice, waiting, now):
        assert payments.settle_unknown(now=now + payments.PATIENCE_ON_SESSION) == 0
        assert payments.settle_unknown(now=now + payments.PATIENCE_ON_SESSION + timedelta(seconds=1)) == 1
        assert outcome(alice, waiting) == (State.FAILED, 0, 0)
        assert waiting.problem == "The payment was not confirmed in time. Nothing was charged. Try again."

    def test_off_session_a_mail_has_the_link(self, alice, stripe_server, now, settings):
        card = add_card(alice, localstripe.WANTS_3DS)
        payment = pay(alice, card, now, on_session=False)
        assert outcome(alice, payment) == (State.NEEDS_CUSTOMER, 0, 0)
        mail = Email.objects.get()
        assert mail.to == ["alice@example.com"]
        assert f"{settings.SITE_URL}/billing/payments/{payment.token}/" in mail.message
        payments.refresh(payment, now=now)
        assert Email.objects.count() == 1


class TestUnknown:
    """Each fault at each step ends in one charge or none."""

    @pytest.mark.parametrize("fault", [TIMEOUT_BEFORE, TIMEOUT_AFTER, BROKEN, BUSY])
    def test_what_is_not_prepared_is_not_charged(self, alice, card, now, stripe_server, fault):
        stripe_server.fail_next("/payment_intents$", fault)
        payment = pay(alice, card, now)
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        assert payment.problem == payments.NOT_TAKEN

    def test_a_time_out_after_stripe_took_the_money(self, alice, card, now, stripe_server, settings):
        """By the clock; the other tests have the line go dead at once."""
        settings.STRIPE_TIMEOUT_SECONDS, stripe_server.silence_seconds = 1, 20
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        payment = pay(alice, card, now)
        assert outcome(alice, payment) == (State.SENT, 0, 1)
        assert outcome(alice, payments.refresh(payment, now=now)) == (State.SUCCEEDED, TEN, 1)

    @pytest.mark.parametrize("fault", [TIMEOUT_BEFORE, BROKEN])
    def test_a_confirmation_that_did_not_arrive(self, alice, card, now, stripe_server, fault):
        stripe_server.fail_next("/confirm$", fault)
        payment = pay(alice, card, now)
        assert outcome(alice, payments.refresh(payment, now=now)) == (State.SENT, 0, 0)
        assert payments.settle_unknown(now=now + payments.UNKNOWN_AFTER) == 0
        assert payments.settle_unknown(now=now + payments.UNKNOWN_AFTER + timedelta(seconds=1)) == 1
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        assert payment.problem == payments.INTERRUPTED
        assert stripe_api.retrieve_intent(payment.stripe_id).status == "canceled"

    def test_a_confirmation_that_stripe_had_no_time_for(self, alice, card, now, stripe_server):
        stripe_server.fail_next("/confirm$", BUSY)
        assert outcome(alice, pay(alice, card, now)) == (State.FAILED, 0, 0)

    def test_the_sweep_finds_a_charge_that_was_made(self, alice, card, now, stripe_server):
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        payment = pay(alice, card, now)
        assert payments.settle_unknown(now=now + timedelta(minutes=3)) == 1
        assert outcome(alice, payment) == (State.SUCCEEDED, TEN, 1)

    @pytest.mark.parametrize("fault", [TIMEOUT_BEFORE, BROKEN, BUSY])
    def test_as_long_as_stripe_says_nothing_it_stays_unknown(self, alice, card, now, stripe_server, fault):
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        payment = pay(alice, card, now)
        stripe_server.fail_next(f"/{payment.stripe_id}$", fault)
        assert payments.settle_unknown(now=now + timedelta(minutes=3)) == 0
        assert outcome(alice, payment) == (State.SENT, 0, 1)
        assert payments.settle_unknown(now=now + timedelta(minutes=4)) == 1
        assert outcome(alice, payment) == (State.SUCCEEDED, TEN, 1)

    def test_a_crash_before_anybody_was_asked(self, alice, card, now):
        payment = begin(alice, card, now)
        assert payments.settle_unknown(now=now + timedelta(minutes=1)) == 0
        assert payments.settle_unknown(now=now + timedelta(minutes=3)) == 1
        assert outcome(alice, payment) == (State.FAILED, 0, 0)
        # Whoever was away for so long finds it taken.
        assert outcome(alice, payments.charge(payment, now=now)) == (State.FAILED, 0, 0)

    def test_a_process_that_wakes_up_after_the_sweep_charges_nothing(self, alice, card, now, stripe_server):
        payment = begin(alice, card, now)
        prepared = stripe_api.create_intent(
            customer=alice.card_holder.stripe_id,
            payment_method=card.stripe_id,
            amount=TEN,
            token=str(payment.token),
        )
        Payment.objects.update(state=State.SENT, sent_at=now, stripe_id=prepared.id)
        payments.settle_unknown(now=now + timedelta(minutes=3))
        with pytest.raises(stripe_api.Rejected):
            stripe_api.confirm_intent(prepared.id, token=str(payment.token), on_session=True)
        assert outcome(alice, payment) == (State.FAILED, 0, 0)

    def test_success_is_the_last_word_even_on_what_we_gave_up(self, alice, card, now, stripe_server):
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        payment = pay(alice, card, now)
        Payment.objects.update(state=State.FAILED, problem="Given up", settled_at=now)
        assert outcome(alice, payments.refresh(payment, now=now)) == (State.SUCCEEDED, TEN, 1)
        payment.refresh_from_db()
        assert payment.problem == ""


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def run(self, work, threads=16):
        gate, results, surprises = threading.Barrier(threads), [], []

        def go():
            try:
                gate.wait()
                results.append(work())
            except BaseException as surprise:  # noqa: BLE001
                surprises.append(surprise)
            finally:
                connection.close()

        crowd = [threading.Thread(target=go) for _ in range(threads)]
        [thread.start() for thread in crowd]
        [thread.join() for thread in crowd]
        assert surprises == []
        return results

    def test_one_button_pressed_16_times_is_one_charge(self, alice, now, stripe_server):
        card, token = add_card(alice), uuid4()
        results = self.run(lambda: pay(alice, card, now, token=token))
        assert {payment.pk for payment in results} == {Payment.objects.get().pk}
        assert outcome(alice, results[0]) == (State.SUCCEEDED, TEN, 1)

    def test_16_who_settle_the_same_charge_move_the_money_once(self, alice, now, stripe_server):
        card = add_card(alice)
        stripe_server.fail_next("/confirm$", TIMEOUT_AFTER)
        payment = pay(alice, card, now)
        self.run(lambda: payments.refresh(payment, now=now))
        assert outcome(alice, payment) == (State.SUCCEEDED, TEN, 1)
        assert Transfer.objects.count() == 1
