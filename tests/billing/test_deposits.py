"""Deposits: 5 to 500 dollars a business day, once per form."""

import threading
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import connection

from billing import deposits, ledger
from billing.models import Payment
from callcentric.clock import BUSINESS_ZONE
from tests import localstripe
from tests.localstripe import add_card, charges

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)


@pytest.fixture
def card(alice, stripe_server):
    return add_card(alice)


def deposit(card, amount, *, now=NOON, token=None, once_more=True) -> Payment:
    made = {"account": card.account, "card": card, "amount": Decimal(amount), "token": token or uuid4()}
    return deposits.make(**made, now=now, once_more=once_more)


def test_it_adds_to_the_balance(alice, card):
    payment = deposit(card, "25.00")
    assert (payment.state, payment.purpose, ledger.of(alice).balance) == ("succeeded", "deposit", 25)


A_DAY = "You can add $500.00 a day at most, of which ${} is left today. Choose a smaller amount."


@pytest.mark.parametrize(
    ("before", "amount", "refusal"),
    [
        ([], "4.99", "The smallest deposit is $5.00."),
        ([], "5.00", None),
        ([], "500.00", None),
        ([], "500.01", A_DAY.format("500.00")),
        (["300.00"], "200.00", None),
        (["300.00"], "200.01", A_DAY.format("200.00")),
        (
            ["300.00", "196.00"],
            "5.00",
            "You can add $500.00 a day at most, and $496.00 is added already. Add more tomorrow.",
        ),
    ],
)
def test_the_rule_for_a_day(card, before, amount, refusal):
    for earlier in before:
        deposit(card, earlier)
    if refusal is None:
        assert deposit(card, amount).state == "succeeded"
        return
    with pytest.raises(deposits.DepositRefused) as raised:
        deposit(card, amount)
    assert str(raised.value) == refusal
    assert Payment.objects.count() == len(before)


@pytest.mark.parametrize(("hours", "left"), [(0, 200), (11.9, 200), (12.1, 500), (-11.9, 200), (-12.1, 500)])
def test_a_day_is_one_in_new_york(alice, card, hours, left):
    deposit(card, "300.00")
    assert deposits.left_today(alice, now=NOON + timedelta(hours=hours)) == left


def test_what_was_declined_does_not_count(alice, stripe_server):
    bad = add_card(alice, localstripe.DECLINED_WHEN_CHARGED)
    assert deposit(bad, "500.00").state == "failed"
    assert deposits.left_today(alice, now=NOON) == 500


def test_what_pays_an_order_does_not_count(alice, card):
    Payment.objects.create(account=alice, card=card, purpose="order", amount=400, token=uuid4(), created_at=NOON)
    assert deposits.left_today(alice, now=NOON) == 500


def test_the_same_form_is_one_deposit_even_over_the_limit(alice, card):
    first = deposit(card, "500.00", token=UUID(int=1))
    assert deposit(card, "500.00", token=UUID(int=1)).pk == first.pk
    assert len(charges(alice)) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_form", [True, False])
def test_16_at_once_stay_within_the_day(alice, stripe_server, same_form):
    """The button pressed 16 times, and 16 tabs that want $100.00 each."""
    card, gate, ends = add_card(alice), threading.Barrier(16), []

    def press():
        gate.wait()
        try:
            ends.append(deposit(card, "100.00", token=UUID(int=1) if same_form else None).state != "failed")
        except deposits.DepositRefused:
            ends.append(False)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert ends.count(True) == (16 if same_form else 5)
    assert ledger.of(alice).balance == (100 if same_form else 500)
    assert len(charges(alice)) == (1 if same_form else 5)


class TestTheSameAgain:
    """The back button after a deposit, and a new form with the amount still in it."""

    def test_the_same_amount_from_the_same_card_is_asked_about(self, card):
        deposit(card, "17.00")
        with pytest.raises(deposits.DepositRepeated, match="You added \\$17.00 from this card at 12:00 PM"):
            deposit(card, "17.00", now=NOON + timedelta(minutes=9), once_more=False)
        assert Payment.objects.count() == 1

    def test_meant_once_more_it_is_charged(self, card):
        deposit(card, "17.00")
        assert deposit(card, "17.00").state == "succeeded"

    @pytest.mark.parametrize(("amount", "minutes"), [("18.00", 1), ("17.00", 11)])
    def test_another_amount_and_a_later_time_are_not(self, card, amount, minutes):
        deposit(card, "17.00")
        assert deposit(card, amount, now=NOON + timedelta(minutes=minutes), once_more=False).state == "succeeded"
