"""The month at its edges: what comes late, twice, over midnight, or while somebody else is at it."""

from datetime import date
from decimal import Decimal

import pytest

from billing import card_renewals, stripe_api, taxes
from billing.models import Cycle, Invoice, Payment
from tests.billing.month import FEBRUARY, at_noon, balance, charge_cards, customer, run
from tests.localstripe import add_card, charges

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

THE_27TH, THE_28TH, LAST_DAY, THE_1ST = date(2027, 1, 27), date(2027, 1, 28), date(2027, 1, 31), FEBRUARY
DUE = Decimal("2.12")


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


def taken(account) -> list[Decimal]:
    return [Decimal(charge["amount"]) / 100 for charge in charges(account)]


def begun(account, today) -> Payment:
    """The payment of the account's renewal, as a worker that was killed before it asked the bank has left it."""
    cycle = Cycle.objects.get(account=account)
    return card_renewals._begin(cycle.pk, today, at_noon(today))


class TestCards:
    pytestmark = pytest.mark.usefixtures("stripe_server")

    def test_a_charge_whose_answer_comes_after_midnight_is_not_made_again(self, stripe_server):
        """Card first: the balance that the first charge has filled is not passed over for another one."""
        alice = customer("alice", pays_from="card")
        add_card(alice, now=at_noon(LAST_DAY))
        stripe_server.fail_next("/confirm$", "timeout_after")
        run(LAST_DAY)
        payment = Payment.objects.get()
        assert payment.state == "sent"
        # Stripe's webhook, or the sweep, is faster than the next turn.
        card_renewals.payments.refresh(payment, now=at_noon(THE_1ST))

        charge_cards(THE_1ST)

        assert (taken(alice), balance(alice), Invoice.objects.count()) == ([DUE], 0, 1)

    def test_what_a_customer_confirmed_at_last_pays_for_it_and_the_card_is_not_charged_again(self):
        alice = customer("alice", pays_from="card")
        add_card(alice, now=at_noon(THE_27TH))
        run(THE_27TH, charges=False)
        payment = waits_for_its_customer(alice, THE_27TH)
        stripe_api.confirm_intent(payment.stripe_id, token=str(payment.token), on_session=False)
        card_renewals.payments.refresh(payment, now=at_noon(THE_27TH))

        run(THE_28TH)

        assert (taken(alice), balance(alice), Invoice.objects.count()) == ([DUE], 0, 1)

    def test_money_of_a_charge_that_went_elsewhere_is_charged_anew(self):
        alice = customer("alice", pays_from="card")
        add_card(alice, now=at_noon(THE_27TH))
        run(THE_27TH, charges=False)
        payment = card_renewals.payments.charge(begun(alice, THE_27TH), now=at_noon(THE_27TH))
        assert (payment.state, balance(alice)) == ("succeeded", DUE)
        spend(alice, "2")

        charge_cards(THE_28TH)

        assert (taken(alice), balance(alice)) == ([DUE, DUE], Decimal("0.12"))


def spend(account, amount: str) -> None:
    card_renewals.payments.ledger.charge(
        account=account, key="order:1", net=Decimal(amount), tax=Decimal(0), memo="Order", made_at=at_noon(THE_27TH)
    )


def waits_for_its_customer(account, today) -> Payment:
    """As the bank's answer to an absent customer leaves it; localstripe cannot ask somebody who is away."""
    payment = begun(account, today)
    intent = stripe_api.create_intent(
        customer=account.card_holder.stripe_id,
        payment_method=payment.card.stripe_id,
        amount=payment.amount,
        token=str(payment.token),
    )
    Payment.objects.filter(pk=payment.pk).update(state="needs_customer", stripe_id=intent.id, sent_at=at_noon(today))
    payment.refresh_from_db()
    card_renewals.conclude(Cycle.objects.get(account=account).pk, payment, today=today, now=at_noon(today))
    return payment
