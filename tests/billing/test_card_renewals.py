"""Renewals by card: one charge an account and day, whatever the bank and the network do."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from post_office.models import Email

from billing import audit, card_renewals, ledger, payments, stripe_api, taxes, turns
from billing.models import Card, Cycle, Invoice, Payment, Service
from callcentric import clock
from tests.billing.month import FEBRUARY, add_funds, at_noon, balance, charge_cards, customer, hold_plan, run
from tests.localstripe import DECLINED_WHEN_CHARGED, add_card, charges

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog", "stripe_server")]

THE_27TH, THE_28TH, THE_1ST = date(2027, 1, 27), date(2027, 1, 28), FEBRUARY
# A number under Pay Per Minute with tax in New York.
DUE = Decimal("2.12")


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


def state(account) -> tuple[str, str]:
    cycle = Cycle.objects.get(account=account, month=FEBRUARY)
    return cycle.state, cycle.problem


def taken(account) -> list[Decimal]:
    return [Decimal(charge["amount"]) / 100 for charge in charges(account)]


@pytest.mark.parametrize(
    ("funds", "pays_from", "from_card", "left"),
    [
        # Balance first: all of it, then the card for the rest.
        ("10", "balance", [], "7.88"),
        ("1", "balance", ["1.12"], "0"),
        ("", "balance", ["2.12"], "0"),
        # Fractions of a cent stay; the card brings what is missing of whole cents.
        ("1.0050", "balance", ["1.12"], "0.0050"),
        # Never less than Stripe takes.
        ("2", "balance", ["0.50"], "0.38"),
        # Card first, whatever the balance holds.
        ("10", "card", ["2.12"], "10"),
        ("", "card", ["2.12"], "0"),
    ],
)
def test_who_pays(funds, pays_from, from_card, left):
    alice = customer("alice", funds=funds, pays_from=pays_from)
    add_card(alice, now=at_noon(THE_27TH))

    run(THE_27TH)

    assert taken(alice) == [Decimal(amount) for amount in from_card]
    assert (balance(alice), state(alice), Invoice.objects.count()) == (Decimal(left), ("settled", ""), 1)
    assert list(audit.differences()) == []


def test_a_declined_card_is_tried_again_the_next_day_with_a_charge_of_its_own():
    alice = customer("alice")
    add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))
    run(THE_27TH)
    run(THE_27TH)
    assert Payment.objects.filter(purpose="renewal").count() == 1
    good = add_card(alice, now=at_noon(THE_28TH))
    Card.objects.filter(account=alice).update(is_default=False)
    Card.objects.filter(pk=good.pk).update(is_default=True)

    outcome = run(THE_28TH)

    assert (outcome.by_card, outcome.settled, outcome.failed) == (1, 1, 0)
    assert (outcome.by_card, state(alice), taken(alice)) == (1, ("settled", ""), [DUE])
    assert [payment.state for payment in Payment.objects.order_by("pk")] == ["failed", "succeeded"]


def test_a_declined_card_falls_back_to_the_balance():
    alice = customer("alice", funds="10", pays_from="card")
    add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))

    run(THE_27TH)

    assert (taken(alice), balance(alice), state(alice)[0]) == ([], Decimal("7.88"), "settled")


def test_a_card_declined_for_good_is_not_asked_again():
    alice = customer("alice")
    add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))
    run(THE_27TH)
    problem = state(alice)[1]
    Payment.objects.update(decline_code="stolen_card")

    outcome = run(THE_28TH)

    assert (outcome.told, state(alice), Payment.objects.count()) == (0, ("failed", problem), 1)


def test_a_failed_renewal_by_card_says_what_the_bank_said_and_ends_in_cancellation():
    alice = customer("alice")
    add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))

    run(THE_27TH)
    said = Email.objects.get(to=alice.user.email).message
    assert "Your bank declined the card." in said
    for day in range(28, 32):
        run(date(2027, 1, day))
    outcome = run(THE_1ST)

    assert (outcome.cancelled, Service.objects.get(account=alice).reason) == (1, "failed_rebilling")
    # Five days before the 1st, and the 1st: one charge a day was tried, none was taken.
    assert (Payment.objects.count(), taken(alice)) == (6, [])


def test_an_answer_that_never_came_is_asked_for_and_charged_once(stripe_server):
    alice = customer("alice")
    add_card(alice, now=at_noon(THE_27TH))
    stripe_server.fail_next("/confirm$", "timeout_after")

    run(THE_27TH)
    assert (state(alice)[0], balance(alice)) == ("planned", 0)
    # The task's turn was lost: it is handed on again, and asks what became of it.
    charge_cards(THE_27TH)

    assert (state(alice), taken(alice), balance(alice)) == (("settled", ""), [DUE], 0)


def test_nothing_is_cancelled_while_nobody_knows_whether_the_card_was_charged(stripe_server):
    alice = customer("alice")
    add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))
    for day in (*range(27, 32),):
        run(date(2027, 1, day))
    good = add_card(alice, now=at_noon(THE_1ST))
    Card.objects.filter(account=alice).update(is_default=False)
    Card.objects.filter(pk=good.pk).update(is_default=True)
    stripe_server.fail_next("/confirm$", "timeout_after")

    assert run(THE_1ST).cancelled == 0
    payments.settle_unknown(now=at_noon(THE_1ST) + timedelta(minutes=10))

    assert (run(THE_1ST).cancelled, state(alice)[0], taken(alice)) == (0, "settled", [DUE])


def test_a_payment_the_bank_asks_about_waits_for_its_customer_and_is_called_off_on_the_1st():
    alice = customer("alice")
    add_card(alice, now=at_noon(THE_27TH))
    run(THE_27TH, charges=False)
    # As the bank's answer to an absent customer would leave it; localstripe cannot ask somebody who is away.
    cycle = Cycle.objects.get(account=alice)
    payment = card_renewals._begin(cycle.pk, THE_27TH, at_noon(THE_27TH))
    Payment.objects.filter(pk=payment.pk).update(state="sent", sent_at=at_noon(THE_27TH))
    payment.refresh_from_db()
    intent = stripe_api.create_intent(
        customer=alice.card_holder.stripe_id,
        payment_method=payment.card.stripe_id,
        amount=payment.amount,
        token=str(payment.token),
    )
    Payment.objects.filter(pk=payment.pk).update(state="needs_customer", stripe_id=intent.id)
    payment.refresh_from_db()

    card_renewals.conclude(cycle.pk, payment, today=THE_27TH, now=at_noon(THE_27TH))
    assert state(alice) == ("failed", card_renewals.BANK_ASKS)
    assert run(THE_27TH).told == 1
    # Told before; on the 1st the payment is ended at Stripe first, and only then the services.
    cycle.refresh_from_db()
    assert card_renewals.call_off(cycle, now=at_noon(THE_1ST))
    payment.refresh_from_db()
    assert (payment.state, stripe_api.retrieve_intent(intent.id).status) == ("failed", "canceled")


def test_cards_have_their_turn_one_after_the_other():
    customers = [customer(f"customer{n}") for n in range(3)]
    for account in customers:
        add_card(account, now=at_noon(THE_27TH))

    outcome = run(THE_27TH, charges=False)

    turns = list(Cycle.objects.order_by("turn_at").values_list("turn_at", flat=True))
    assert outcome.by_card == 3
    assert [turn - at_noon(THE_27TH) for turn in turns] == [timedelta(milliseconds=50 * n) for n in (1, 2, 3)]
    assert card_renewals.turns(now=at_noon(THE_27TH), within=timedelta(milliseconds=120))[-1][1] == turns[1]
    # A run meanwhile gives nobody a second turn.
    assert run(THE_27TH, charges=False).by_card == 0


def test_what_is_due_is_looked_at_again_when_the_card_has_its_turn():
    alice = customer("alice")
    add_card(alice, now=at_noon(THE_27TH))
    hold_plan(alice)
    run(THE_27TH, charges=False)
    add_funds(alice, "20")

    charge_cards(THE_27TH)

    assert (taken(alice), balance(alice)) == ([], Decimal("10.31"))


def test_a_payment_that_came_through_after_its_day_is_not_made_again(stripe_server):
    """Alice pays by card, whatever the balance holds: what her card brought for this month is there, and pays it."""
    alice = customer("alice", pays_from="card")
    come_through_late(alice, stripe_server)
    assert (balance(alice), taken(alice)) == (DUE, [DUE])

    run(THE_28TH)

    assert (balance(alice), taken(alice), state(alice)) == (0, [DUE], ("settled", ""))


def test_where_it_was_spent_meanwhile_the_card_is_charged_again(stripe_server):
    alice = customer("alice", pays_from="card")
    come_through_late(alice, stripe_server)
    spent = {"net": Decimal(1), "tax": Decimal(0), "memo": "Calls", "made_at": at_noon(THE_27TH)}
    ledger.charge(account=alice, key="calls", **spent)

    run(THE_28TH)

    assert (balance(alice), taken(alice), state(alice)) == (DUE - 1, [DUE, DUE], ("settled", ""))


def come_through_late(account, stripe_server) -> None:
    """The card is charged on the 27th, nobody hears of it, and the sweep finds out."""
    add_card(account, now=at_noon(THE_27TH))
    stripe_server.fail_next("/confirm$", "timeout_after")
    run(THE_27TH)
    payments.settle_unknown(now=at_noon(THE_27TH) + timedelta(minutes=3))


@pytest.mark.django_db(transaction=True)
def test_a_turn_that_passed_while_others_were_settled_is_not_left():
    """A run over very many accounts takes longer than the moment that a turn counts as just passed."""
    alice = customer("alice")
    add_card(alice, now=at_noon(THE_27TH))
    run(THE_27TH, charges=False)
    Cycle.objects.update(turn_at=clock.now() - timedelta(seconds=30))

    assert card_renewals.turns(now=clock.now(), within=timedelta(minutes=1)) == []
    assert turns.charge_here(today=THE_27TH) == 1
    assert (state(alice), taken(alice)) == (("settled", ""), [DUE])
