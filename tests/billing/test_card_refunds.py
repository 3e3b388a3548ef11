"""Money back to cards at localstripe: whatever happens in between, one refund or none, and never both sides of it."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from post_office.models import Email

from billing import audit, card_refunds, events, ledger, payments, stripe_api
from billing.models import CardRefund, Payment, StripeEvent, Transfer
from callcentric import clock
from callcentric.clock import BUSINESS_ZONE
from tests.crowds import at_once, surprises
from tests.localstripe import add_card, refunds
from tests.stripe_proxy import BROKEN, BUSY, TIMEOUT_AFTER, TIMEOUT_BEFORE

State = CardRefund.State
SIX = Decimal("6.00")
OVERDUE = card_refunds.UNKNOWN_AFTER + timedelta(seconds=1)


@pytest.fixture
def now():
    return clock.now()


@pytest.fixture
def paid(alice, stripe_server, now) -> Payment:
    """$20.00 that Alice has deposited."""
    payment = payments.begin(
        account=alice, card=add_card(alice), amount=Decimal("20.00"), purpose="deposit", token=uuid4(), now=now
    )
    paid = payments.charge(payment, now=now)
    stripe_server.reset()
    return paid


def begin(paid, now, amount=SIX, token=None) -> CardRefund:
    return card_refunds.begin(paid, amount=amount, token=token or uuid4(), now=now)


def refund(paid, now, **more) -> CardRefund:
    return card_refunds.send(begin(paid, now, **more), now=now)


def outcome(refund) -> tuple:
    """State, balance, and what Stripe has really given back, in cents."""
    refund.refresh_from_db()
    return refund.state, ledger.of(refund.payment.account).balance, refunds(refund.payment.stripe_id)


class TestBegin:
    def test_it_leaves_the_balance_before_anybody_is_asked(self, paid, now, stripe_server):
        begun = begin(paid, now)
        assert (begun.state, ledger.of(paid.account).balance, stripe_server.asked) == (State.CREATED, 14, [])
        moved = Transfer.objects.get(key=f"card-refund:{begun.pk}")
        assert (moved.kind, moved.target, moved.memo) == ("refund", ledger.house("cards"), "To Visa 4242")

    def test_the_same_token_is_the_same_refund(self, paid, now):
        first = begin(paid, now, token=UUID(int=1))
        assert begin(paid, now, token=UUID(int=1), amount=Decimal("7.00")).pk == first.pk
        assert ledger.of(paid.account).balance == 14

    def test_no_more_than_was_paid(self, paid, now):
        begin(paid, now, amount=Decimal("15.00"))
        with pytest.raises(card_refunds.CannotRefund, match=r"No more than \$5.00 of this payment can go back to Visa"):
            begin(paid, now, amount=Decimal("5.01"))
        assert begin(paid, now, amount=Decimal("5.00")).state == State.CREATED

    def test_no_more_than_the_balance_has(self, paid, now):
        ledger.charge(account=paid.account, key="c", net=Decimal("15.00"), tax=Decimal(0), memo="Order", made_at=now)
        with pytest.raises(ledger.InsufficientFunds):
            begin(paid, now)
        assert CardRefund.objects.count() == 0

    def test_what_was_not_paid_does_not_go_back(self, paid, now):
        Payment.objects.update(state="failed")
        with pytest.raises(card_refunds.CannotRefund, match="No more than \\$0.00"):
            begin(paid, now)

    def test_fractions_of_a_cent_are_a_mistake_of_ours(self, paid, now):
        with pytest.raises(ValueError, match="whole cents"):
            begin(paid, now, amount=Decimal("1.005"))

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"amount": 0}, "cards_are_refunded_whole_cents"),
            ({"amount": "1.005"}, "cards_are_refunded_whole_cents"),
            ({"amount": 1, "state": "succeeded"}, "a_made_refund_names_itself"),
        ],
    )
    def test_the_database_holds_it_too(self, paid, fields, constraint):
        with pytest.raises(IntegrityError, match=constraint):
            CardRefund.objects.create(payment=paid, token=uuid4(), **fields)


class TestSend:
    def test_the_money_goes_back(self, paid, now):
        made = refund(paid, now)
        assert outcome(made) == (State.SUCCEEDED, 14, [600])
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (["alice@example.com"], "We have refunded $6.00 to your Visa 4242")
        assert f"paid $20.00 from on {now:%B}" not in mail.message
        assert f"paid $20.00 from on {now.day} {now:%B %Y}" in mail.message
        assert list(audit.differences()) == []

    def test_sending_again_asks_nobody(self, paid, now, stripe_server):
        made = refund(paid, now)
        stripe_server.reset()
        assert (card_refunds.send(made, now=now).state, stripe_server.asked) == (State.SUCCEEDED, [])

    def test_no_call_is_made_while_a_transaction_is_open(self, paid, now, stripe_server):
        begun = begin(paid, now)
        with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
            card_refunds.send(begun, now=now)
        assert stripe_server.asked == []

    def test_what_stripe_refuses_comes_back_to_the_balance(self, paid, now):
        Payment.objects.update(stripe_id="pi_unknown")
        made = refund(Payment.objects.get(), now)
        made.refresh_from_db()
        assert (made.state, ledger.of(paid.account).balance) == (State.FAILED, 20)
        mail = Email.objects.get()
        assert mail.subject == "$6.00 could not be refunded to your Visa 4242"
        assert "The $6.00 is in your balance again." in mail.message
        # What came back may be tried again.
        assert begin(paid, now, amount=Decimal("20.00")).state == State.CREATED

    def test_a_bank_that_refuses_days_later(self, paid, now):
        made = refund(paid, now)
        Email.objects.all().delete()
        refused = stripe_api.Refund(id=made.stripe_id, status="failed", token=str(made.token))
        for _ in range(2):
            card_refunds.settle(made, found=refused, now=now)
        made.refresh_from_db()
        assert (made.state, ledger.of(paid.account).balance, Email.objects.count()) == (State.FAILED, 20, 1)

    def test_a_bank_that_takes_its_time(self, paid, now):
        begun = begin(paid, now)
        found = stripe_api.Refund(id="re_1", status="pending", token=str(begun.token))
        assert card_refunds.settle(begun, found=found, now=now).state == State.CREATED
        done = stripe_api.Refund(id="re_1", status="succeeded", token=str(begun.token))
        assert card_refunds.settle(begun, found=done, now=now).state == State.SUCCEEDED
        assert Email.objects.count() == 1

    def test_a_webhook_has_it_asked_for(self, paid, now, stripe_server):
        made = refund(paid, now)
        event = StripeEvent.objects.create(stripe_id="evt_1", type="refund.updated", object_id=made.stripe_id)
        stripe_server.reset()
        events.act_on(event, now=now)
        assert (event.acted_at, stripe_server.count("GET", f"/refunds/{made.stripe_id}")) == (None, 1)
        assert StripeEvent.objects.get().acted_at == now


class TestUnknown:
    """Each fault at each step ends in one refund or none."""

    @pytest.mark.parametrize("fault", [TIMEOUT_BEFORE, TIMEOUT_AFTER, BROKEN, BUSY])
    def test_it_is_found_or_asked_for_once_more(self, paid, now, stripe_server, fault):
        stripe_server.fail_next("/refunds$", fault)
        made = refund(paid, now)
        assert outcome(made)[:2] == (State.SENT, 14)
        assert card_refunds.settle_unknown(now=now + card_refunds.UNKNOWN_AFTER) == 0
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 1
        assert outcome(made) == (State.SUCCEEDED, 14, [600])
        assert Email.objects.count() == 1

    @pytest.mark.parametrize("fault", [TIMEOUT_BEFORE, TIMEOUT_AFTER, BROKEN, BUSY])
    def test_as_long_as_stripe_says_nothing_it_stays_unknown(self, paid, now, stripe_server, fault):
        stripe_server.fail_next("/refunds$", TIMEOUT_AFTER)
        made = refund(paid, now)
        stripe_server.fail_next("/refunds$", fault)
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 0
        assert outcome(made) == (State.SENT, 14, [600])
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 1
        assert outcome(made) == (State.SUCCEEDED, 14, [600])

    def test_a_crash_before_anybody_was_asked(self, paid, now):
        begun = begin(paid, now)
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 1
        assert outcome(begun) == (State.SUCCEEDED, 14, [600])

    def test_a_crash_between_the_mark_and_the_call(self, paid, now):
        begun = begin(paid, now)
        CardRefund.objects.update(state=State.SENT)
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 1
        assert outcome(begun) == (State.SUCCEEDED, 14, [600])

    def test_a_crash_after_the_call(self, paid, now, stripe_server):
        begun = begin(paid, now)
        CardRefund.objects.update(state=State.SENT)
        stripe_api.create_refund(paid.stripe_id, amount=SIX, token=str(begun.token))
        # Long after: Stripe has forgotten the key, and still it is not asked for again.
        stripe_server.reset()
        assert card_refunds.settle_unknown(now=now + timedelta(days=3)) == 1
        assert outcome(begun) == (State.SUCCEEDED, 14, [600])
        assert stripe_server.count("POST", "/refunds") == 0

    def test_another_refund_of_the_same_payment_is_not_mistaken_for_it(self, paid, now):
        refund(paid, now)
        second = begin(paid, now)
        CardRefund.objects.filter(pk=second.pk).update(state=State.SENT)
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 1
        assert outcome(second) == (State.SUCCEEDED, 8, [600, 600])

    def test_one_that_is_refused_late_comes_back_too(self, paid, now):
        begun = begin(paid, now)
        CardRefund.objects.update(state=State.SENT)
        Payment.objects.update(stripe_id="pi_unknown")
        assert card_refunds.settle_unknown(now=now + OVERDUE) == 1
        begun.refresh_from_db()
        assert (begun.state, ledger.of(paid.account).balance) == (State.FAILED, 20)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("late", [False, True])
def test_8_at_once_are_one_refund(alice, paid, now, late):
    """The button pressed 8 times; or 8 sweeps that find it unanswered."""
    if late:
        begin(paid, now, token=UUID(int=1))
        CardRefund.objects.update(state=State.SENT)
        answers = at_once(*[lambda: card_refunds.settle_unknown(now=now + OVERDUE)] * 8)
    else:
        answers = at_once(*[lambda: refund(paid, now, token=UUID(int=1))] * 8)
    assert surprises(answers) == []
    assert outcome(CardRefund.objects.get()) == (State.SUCCEEDED, 14, [600])
    assert Email.objects.count() == 1


@pytest.mark.parametrize(("days", "left"), [(0, [20]), (90, [20]), (91, [])])
def test_deposits_can_go_back_for_90_days(paid, days, left):
    at = datetime.combine(date(2027, 1, 11) - timedelta(days=days), time(), tzinfo=BUSINESS_ZONE)
    Payment.objects.update(settled_at=at)
    since = datetime(2026, 10, 13, tzinfo=BUSINESS_ZONE)
    assert [each.left for each in Payment.objects.refundable(since=since)] == left


def test_what_went_back_before_is_not_left(paid, now):
    refund(paid, now)
    assert [each.left for each in Payment.objects.refundable(since=now - timedelta(days=1))] == [14]
    CardRefund.objects.update(state=State.FAILED)
    assert [each.left for each in Payment.objects.refundable(since=now - timedelta(days=1))] == [20]
    for purpose in ("order", "renewal"):
        Payment.objects.update(purpose=purpose)
        assert list(Payment.objects.refundable(since=now - timedelta(days=1))) == []
