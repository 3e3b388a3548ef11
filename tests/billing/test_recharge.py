"""Auto-recharge: below a threshold an amount from the default card, three times a business day at most, once each."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError
from post_office.models import Email

from billing import ledger, payments, recharge, tasks
from billing.models import BalanceWatch, Card, LedgerAccount, Payment, Transfer
from billing.models.balances import DECLINED_FOR
from callcentric.celery import app
from callcentric.clock import BUSINESS_ZONE
from tests import localstripe
from tests.crowds import at_once, surprises
from tests.localstripe import add_card, answer_bank, charges

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)
State = Payment.State


@pytest.fixture
def card(alice, stripe_server) -> Card:
    return add_card(alice, now=NOON)


def turn_on(account, below="5.00", amount="20.00", *, now=NOON) -> BalanceWatch:
    recharge.change(account, recharges=True, below=Decimal(below), amount=Decimal(amount), now=now)
    return BalanceWatch.objects.get(account=account)


def spend(account, amount) -> None:
    facts = {"key": f"spent:{uuid4()}", "net": Decimal(amount), "tax": Decimal(0), "memo": "Calls", "made_at": NOON}
    ledger.charge(account=account, **facts)


def credit(account, amount) -> None:
    ledger.post(
        key=f"credit:{uuid4()}",
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=ledger.of(account),
        amount=Decimal(amount),
        memo="Credit",
        made_at=NOON,
    )


def balance(account) -> Decimal:
    return ledger.of(account).balance


def mails() -> list[str]:
    return list(Email.objects.order_by("pk").values_list("subject", flat=True))


def payment_of(account, card, *, state="succeeded", created_at=NOON, **more) -> Payment:
    ended = {"settled_at": created_at, "stripe_id": f"pi_{uuid4()}"} if state in ("succeeded", "failed") else {}
    about = {"amount": 20, "purpose": "recharge", "token": uuid4(), "on_session": False} | ended | more
    return Payment.objects.create(account=account, card=card, state=state, created_at=created_at, **about)


class TestDue:
    @pytest.mark.parametrize(("balance", "is_due"), [("4.9999", True), ("5.0000", False), ("0.0001", True)])
    def test_below_the_threshold(self, alice, card, balance, is_due):
        turn_on(alice)
        credit(alice, balance)
        assert recharge.due(now=NOON) == ([alice.pk] if is_due else [])

    def test_an_account_that_has_set_nothing_is_left_alone(self, alice, card):
        assert recharge.due(now=NOON) == []
        BalanceWatch.objects.create(account=alice)
        assert recharge.due(now=NOON) == []

    def test_a_closed_account_is_left_alone(self, alice, card):
        turn_on(alice)
        alice.closed_on = NOON.date()
        alice.save()
        assert recharge.due(now=NOON) == []

    @pytest.mark.parametrize(
        ("payments", "is_due"),
        [
            # Three a business day, whatever became of them.
            ([{}, {}], True),
            ([{}, {}, {}], False),
            ([{}, {}, {"state": "failed", "created_at": NOON - timedelta(hours=11)}], False),
            ([{}, {}, {"created_at": NOON - timedelta(hours=12)}], False),
            ([{}, {}, {"created_at": NOON - timedelta(hours=12, seconds=1)}], True),
            ([{"purpose": "deposit"}] * 3, True),
            # Not while one is undecided, of whatever day.
            ([{"state": "created"}], False),
            ([{"state": "sent"}], False),
            ([{"state": "needs_customer", "created_at": NOON - timedelta(days=5)}], False),
            ([{"state": "sent", "purpose": "deposit"}], True),
            # A bank that has said no is left alone for a while.
            ([{"state": "failed", "created_at": NOON - DECLINED_FOR + timedelta(seconds=1)}], False),
            ([{"state": "failed", "created_at": NOON - DECLINED_FOR}], True),
        ],
    )
    def test_not_too_often(self, alice, card, payments, is_due):
        turn_on(alice)
        for facts in payments:
            payment_of(alice, card, **facts)
        assert recharge.due(now=NOON) == ([alice.pk] if is_due else [])

    def test_as_many_queries_however_many_are_due(self, alice, bob, card, stripe_server, django_assert_num_queries):
        add_card(bob, now=NOON)
        turn_on(alice)
        with django_assert_num_queries(1):
            assert recharge.due(now=NOON) == [alice.pk]
        turn_on(bob)
        with django_assert_num_queries(1):
            assert recharge.due(now=NOON) == [alice.pk, bob.pk]


class TestRecharge:
    def test_it_adds_the_amount_and_says_so(self, alice, card):
        turn_on(alice)
        credit(alice, "4.50")
        made = recharge.recharge(alice, now=NOON)
        assert (made.state, made.purpose, made.on_session, balance(alice)) == (
            State.SUCCEEDED,
            "recharge",
            False,
            Decimal("24.50"),
        )
        assert [charge["amount"] for charge in charges(alice)] == [2000]
        assert Transfer.objects.get(key=f"stripe:{made.stripe_id}").kind == "deposit"
        mail = Email.objects.get()
        assert (mail.to, mail.subject) == (
            ["alice@example.com"],
            "Auto-recharge: $20.00 is added to your balance",
        )
        assert "Your balance is $24.50 now." in mail.message

    def test_above_the_threshold_it_does_nothing(self, alice, card):
        turn_on(alice)
        credit(alice, "5")
        assert (recharge.recharge(alice, now=NOON), Payment.objects.count()) == (None, 0)

    def test_three_times_a_day_and_again_the_next(self, alice, card):
        turn_on(alice, below="50.00", amount="10.00")
        made = [recharge.recharge(alice, now=NOON + timedelta(minutes=minute)) for minute in range(4)]
        assert [each and each.state for each in made] == [State.SUCCEEDED] * 3 + [None]
        assert recharge.recharge(alice, now=NOON + timedelta(hours=12)).state == State.SUCCEEDED
        assert balance(alice) == 40

    def test_it_counts_against_what_may_be_deposited_in_a_day(self, alice, card):
        turn_on(alice)
        payment_of(alice, card, purpose="deposit", amount=Decimal("480.01"))
        assert recharge.recharge(alice, now=NOON) is None
        Payment.objects.update(amount=480)
        assert recharge.recharge(alice, now=NOON).state == State.SUCCEEDED

    def test_the_sweep_has_a_task_for_each(self, alice, card):
        BalanceWatch.objects.create(account=alice, recharges=True)
        ledger.of(alice)
        app.conf.task_always_eager = True
        try:
            tasks.recharge_balances()
        finally:
            app.conf.task_always_eager = False
        assert balance(alice) == 20


class TestDeclined:
    def test_a_bank_that_may_say_yes_another_time_is_asked_again(self, alice, stripe_server):
        add_card(alice, localstripe.DECLINED_WHEN_CHARGED, now=NOON)
        watch = turn_on(alice)
        tries = [NOON, NOON + timedelta(minutes=1), NOON + DECLINED_FOR, NOON + timedelta(hours=9)]
        assert [bool(recharge.recharge(alice, now=at)) for at in tries] == [True, False, True, True]
        watch.refresh_from_db()
        assert (watch.recharges, balance(alice), Payment.objects.filter(state="failed").count()) == (True, 0, 3)
        # The same news once a day.
        mail = Email.objects.get()
        assert mail.subject == "Auto-recharge could not charge your Visa 0341"
        assert "Your bank declined the card." in mail.message
        assert "It tries again later" in mail.message

    def test_where_the_customer_must_act_it_is_off(self, alice, card):
        watch = turn_on(alice)
        payment = payment_of(alice, card, state="sent", sent_at=NOON, stripe_id="pi_1")
        refused = payments.stripe_api.Intent("pi_1", "requires_payment_method", "", "stolen_card")
        for _ in range(2):
            payments.settle(payment, intent=refused, now=NOON)
        watch.refresh_from_db()
        mail = Email.objects.get()
        assert (watch.recharges, "Auto-recharge is off now" in mail.message) == (False, True)
        assert "stolen" not in mail.message

    def test_a_decline_of_something_else_changes_nothing(self, alice, card):
        watch = turn_on(alice)
        payment = payment_of(alice, card, state="sent", sent_at=NOON, stripe_id="pi_1", purpose="order")
        refused = payments.stripe_api.Intent("pi_1", "requires_payment_method", "", "stolen_card")
        payments.settle(payment, intent=refused, now=NOON)
        watch.refresh_from_db()
        assert (watch.recharges, Email.objects.count()) == (True, 0)

    def test_a_crash_before_the_bank_was_asked_is_told_and_tried_again(self, alice, card):
        watch = turn_on(alice)
        payment_of(alice, card, state="created", stripe_id=None)
        assert payments.settle_unknown(now=NOON + timedelta(minutes=3)) == 1
        watch.refresh_from_db()
        assert (watch.recharges, mails()) == (True, ["Auto-recharge could not charge your Visa 4242"])


class TestTheBankAsks:
    @pytest.fixture
    def waiting(self, alice, stripe_server):
        add_card(alice, localstripe.WANTS_3DS, now=NOON)
        turn_on(alice)
        return recharge.recharge(alice, now=NOON)

    def test_it_waits_for_its_customer_and_does_nothing_meanwhile(self, alice, waiting):
        assert (waiting.state, recharge.due(now=NOON + timedelta(days=2))) == (State.NEEDS_CUSTOMER, [])
        assert mails() == ["Your bank asks you to confirm a payment to Callcentric"]

    def test_confirmed(self, alice, waiting):
        answer_bank(waiting.stripe_id, agree=True)
        assert payments.refresh(waiting, now=NOON).state == State.SUCCEEDED
        assert (balance(alice), len(mails())) == (20, 2)

    def test_who_does_not_confirm_is_not_asked_again(self, alice, waiting):
        payments.call_off(waiting, now=NOON)
        assert BalanceWatch.objects.get().recharges is False
        assert mails()[1:] == ["Auto-recharge could not charge your Visa 3184"]


class TestWithoutACard:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"is_default": False}, "You have none: add a card first."),
            ({"is_default": False, "removed_at": NOON}, "You have none: add a card first."),
            ({"expires_month": 12, "expires_year": 2026}, "Your Visa 4242 expired 12/2026"),
        ],
    )
    def test_it_is_told_once_and_off(self, alice, card, change, words):
        turn_on(alice)
        Card.objects.update(**change)
        for _ in range(2):
            assert recharge.recharge(alice, now=NOON) is None
        mail = Email.objects.get()
        assert (mail.subject, words in mail.message) == ("Auto-recharge is off: it has no card to charge", True)
        assert (BalanceWatch.objects.get().recharges, Payment.objects.count()) == (False, 0)

    def test_it_is_not_turned_on(self, alice, stripe_server):
        with pytest.raises(recharge.NoCard, match="You have none: add a card first."):
            turn_on(alice)
        add_card(alice, now=NOON)
        with pytest.raises(recharge.NoCard, match="Your Visa 4242 expired 12/2035"):
            turn_on(alice, now=NOON.replace(year=2036))
        assert BalanceWatch.objects.count() == 0

    def test_it_can_be_turned_off(self, alice):
        recharge.change(alice, recharges=False, below=Decimal(5), amount=Decimal(20), now=NOON)
        assert BalanceWatch.objects.get().recharges is False


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"low_below": "-0.01"}, "low_balance_is_up_to_100"),
        ({"low_below": "100.01"}, "low_balance_is_up_to_100"),
        ({"recharge_below": "1.99"}, "recharge_below_2_to_50"),
        ({"recharge_below": "50.01"}, "recharge_below_2_to_50"),
        ({"recharge_amount": "9.99"}, "recharge_of_10_to_100"),
        ({"recharge_amount": "100.01"}, "recharge_of_10_to_100"),
    ],
)
def test_the_database_holds_the_bounds(alice, fields, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        BalanceWatch.objects.create(account=alice, **fields)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_8_at_once_charge_once(alice, stripe_server, _round):
    add_card(alice, now=NOON)
    turn_on(alice)
    assert surprises(at_once(*[lambda: recharge.recharge(alice, now=NOON)] * 8)) == []
    assert (balance(alice), len(charges(alice)), Payment.objects.count(), len(mails())) == (20, 1, 1, 1)
