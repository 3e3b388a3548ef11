"""The month at its edges: what comes late, twice, over midnight, or while somebody else is at it."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from billing import audit, card_renewals, cycle, ending, parking, stripe_api, taxes
from billing.models import Cycle, Invoice, ParkedAccount, Payment, Service
from catalog.models import Price
from tests.billing.month import (
    FEBRUARY,
    MARCH,
    add_funds,
    at_noon,
    balance,
    charge_cards,
    customer,
    hold_911,
    hold_plan,
    paid_until,
    run,
)
from tests.factories import AddressFactory
from tests.localstripe import DECLINED_WHEN_CHARGED, add_card, charges
from tests.orders.conftest import put_into_cart
from tests.orders.waiting import order_what_is_in_the_cart, quote_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalog")]

THE_20TH, THE_27TH, THE_28TH = date(2027, 1, 20), date(2027, 1, 27), date(2027, 1, 28)
LAST_DAY, THE_1ST = date(2027, 1, 31), FEBRUARY
DUE = Decimal("2.12")


@pytest.fixture(autouse=True)
def _taxes(db):
    taxes.load()


def taken(account) -> list[Decimal]:
    return [Decimal(charge["amount"]) / 100 for charge in charges(account)]


def begun(account, today) -> Payment:
    """The payment of the account's renewal, as a worker that was killed before it asked the bank has left it."""
    return card_renewals._begin(Cycle.objects.get(account=account).pk, today, at_noon(today))


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

    def test_a_worker_killed_before_the_bank_was_asked_is_no_attempt(self):
        alice = customer("alice")
        add_card(alice, now=at_noon(THE_27TH))
        run(THE_27TH, charges=False)
        begun(alice, THE_27TH)
        card_renewals.payments.settle_unknown(now=at_noon(THE_27TH) + timedelta(minutes=3))

        outcome = run(THE_27TH)

        assert (outcome.settled, outcome.told, taken(alice)) == (1, 0, [DUE])
        assert list(Payment.objects.order_by("pk").values_list("state", flat=True)) == ["failed", "succeeded"]

    def test_a_payment_that_waits_for_its_customer_is_called_off_where_the_balance_has_paid(self):
        alice = customer("alice")
        add_card(alice, now=at_noon(THE_27TH))
        run(THE_27TH, charges=False)
        payment = waits_for_its_customer(alice, THE_27TH)
        add_funds(alice, "5")

        outcome = run(THE_27TH)

        payment.refresh_from_db()
        assert (outcome.settled, payment.state, payment.problem) == (1, "failed", card_renewals.PAID_OTHERWISE)
        assert stripe_api.retrieve_intent(payment.stripe_id).status == "canceled"


class TestMoneyThatComesAtTheLastMoment:
    def test_what_is_in_the_balance_when_its_services_are_to_be_cancelled_pays_for_them(self):
        alice = customer("alice")
        run(LAST_DAY)
        cycle.attempt(
            cycle.Outcome(on=THE_1ST, month=FEBRUARY), month=FEBRUARY, now=at_noon(THE_1ST), charge_cards=lambda: 0
        )
        add_funds(alice, "5")

        assert cycle.cancel_unpaid(Cycle.objects.get(), today=THE_1ST, now=at_noon(THE_1ST)) is False
        assert (Cycle.objects.get().state, balance(alice)) == ("settled", Decimal("2.88"))
        assert Service.objects.get().state == "active"

    @pytest.mark.usefixtures("stripe_server")
    def test_a_payment_that_its_customer_confirmed_just_before_it_is_called_off_pays_for_them(self):
        alice = customer("alice")
        add_card(alice, now=at_noon(LAST_DAY))
        run(LAST_DAY, charges=False)
        payment = waits_for_its_customer(alice, LAST_DAY)
        run(LAST_DAY)
        run(THE_1ST, charges=False)
        card_renewals.conclude(Cycle.objects.get().pk, payment, today=THE_1ST, now=at_noon(THE_1ST))
        stripe_api.confirm_intent(payment.stripe_id, token=str(payment.token), on_session=False)

        outcome = run(THE_1ST)

        assert (outcome.cancelled, Cycle.objects.get().state, taken(alice), balance(alice)) == (0, "settled", [DUE], 0)


class TestAnOrderWhileARenewalHasFailed:
    def order(self, code: str) -> Account:
        """On the 28th, with the money for it and no more."""
        alice = customer("alice", service_address=AddressFactory())
        hold_911(alice)
        run(THE_27TH)
        put_into_cart(alice, code)
        if total := quote_of(alice, now=at_noon(THE_28TH)).total:
            add_funds(alice, total)
        order_what_is_in_the_cart(alice, now=at_noon(THE_28TH))
        for day in (THE_28TH, LAST_DAY, THE_1ST):
            run(day)
        return alice

    def held(self, account: Account) -> list[tuple[str, date]]:
        return list(Service.objects.held().filter(account=account).order_by("kind").values_list("kind", "paid_until"))

    def test_a_plan_keeps_the_911_that_is_inside_it_when_the_number_is_lost(self):
        alice = self.order("north-america-500")

        assert self.held(alice) == [("e911", date(2027, 2, 28)), ("plan", date(2027, 2, 28))]
        assert Service.objects.get(account=alice, kind="did").reason == "failed_rebilling"
        assert balance(alice) == 0

    def test_a_plan_without_it_goes_on_and_911_is_lost_with_the_number_that_was_not_paid(self):
        alice = self.order("pay-per-call")

        assert self.held(alice) == [("plan", date(2027, 2, 28))]
        lost = Service.objects.lost().order_by("kind").values_list("kind", "reason")
        assert list(lost) == [("did", "failed_rebilling"), ("e911", "failed_rebilling")]


class TestAnAccountThatWasParkedForSoLong:
    """Its renewal was not tried while February was collected, and it is released when March is."""

    RELEASED, THE_DAY_AFTER = date(2027, 2, 27), date(2027, 2, 28)

    def parked(self, sam, **more):
        alice = customer("alice", **more)
        parking.park(account_id=alice.pk, reason="Stripe says something else.", now=at_noon(THE_27TH))
        run(THE_27TH)
        run(THE_1ST)
        run(self.RELEASED)
        parking.release(ParkedAccount.objects.get(), by=sam, reason="Looked at.", now=at_noon(self.RELEASED))
        return alice

    def test_pays_for_both_months(self, sam):
        alice = self.parked(sam, funds="10")

        run(self.RELEASED)
        run(self.RELEASED)

        months = Invoice.objects.order_by("month").values_list("month", "net")
        assert list(months) == [(FEBRUARY, Decimal("1.95")), (MARCH, Decimal("1.95"))]
        assert (balance(alice), paid_until(alice)) == (Decimal("5.76"), [date(2027, 3, 31)])

    def test_or_is_told_of_the_first_and_loses_its_services_the_day_after(self, sam):
        self.parked(sam)

        first, second = run(self.RELEASED), run(self.THE_DAY_AFTER)

        assert (first.failed, first.told, first.cancelled) == (1, 1, 0)
        assert (second.failed, second.told, second.cancelled) == (1, 0, 1)
        cycles = Cycle.objects.order_by("month").values_list("month", "state", "net")
        assert list(cycles) == [(FEBRUARY, "failed", Decimal("1.95")), (MARCH, "settled", 0)]

    def test_a_second_month_does_not_pass_the_first(self, sam):
        """A price that has come down: the balance covers March and not February."""
        alice = self.parked(sam, funds="1.50")
        Price.objects.create(product=Service.objects.get().product, monthly="1.00", setup=0, effective_on=MARCH)

        run(self.RELEASED)

        assert (balance(alice), Invoice.objects.count()) == (Decimal("1.50"), 0)


class TestNotices:
    def test_one_that_cannot_be_written_keeps_nobody_waiting(self):
        """Told of nothing, it loses nothing."""
        customer("alice", user__email="no address"), customer("bob")

        assert run(THE_20TH).forecasts == 1
        assert run(LAST_DAY).told == 1
        assert run(THE_1ST).cancelled == 1
        assert list(Service.objects.order_by("pk").values_list("state", flat=True)) == ["active", "cancelled"]

    @pytest.mark.usefixtures("stripe_server")
    def test_what_the_bank_said_stays_said_when_more_is_due_than_came_in(self):
        alice = customer("alice")
        plan = hold_plan(alice, ending_asked_at=at_noon(THE_20TH))
        add_card(alice, DECLINED_WHEN_CHARGED, now=at_noon(THE_27TH))
        run(THE_27TH)
        ending.keep(plan, today=THE_27TH)
        add_funds(alice, "5")

        outcome = run(THE_27TH)

        cycle = Cycle.objects.get()
        assert (outcome.told, cycle.net) == (0, Decimal("8.90"))
        assert cycle.problem == Payment.objects.get().problem


class TestParking:
    def test_an_account_that_is_parked_while_its_cycle_is_planned_is_not_billed(self):
        alice = customer("alice", funds="10")
        run(THE_20TH)
        ParkedAccount.objects.create(account=alice, reason="Parked by somebody who did not see the cycle.")

        run(THE_27TH)

        assert (balance(alice), Invoice.objects.count()) == (Decimal("10"), 0)


class TestTurns:
    pytestmark = pytest.mark.usefixtures("stripe_server")

    def test_one_of_another_year_makes_nobody_wait(self):
        """Development has moved the clock there and back."""
        alice, bob = customer("alice"), customer("bob")
        for account in (alice, bob):
            add_card(account, now=at_noon(THE_27TH))
        run(THE_27TH, charges=False)
        Cycle.objects.filter(account=alice).update(turn_at=at_noon(date(2030, 1, 1)))
        Cycle.objects.filter(account=bob).update(turn_at=None)

        run(THE_27TH, charges=False)

        assert Cycle.objects.get(account=bob).turn_at < at_noon(THE_27TH) + timedelta(seconds=1)


class TestEnding:
    def test_911_ends_on_the_day_of_the_last_number(self):
        alice = customer("alice", service_address=AddressFactory())
        hold_911(alice)
        ending.cancel(Service.objects.get(kind="did"), today=date(2027, 1, 12), now=at_noon(date(2027, 1, 12)))

        run(date(2027, 2, 3))

        ended = Service.objects.values_list("kind", "reason", "cancelled_on").order_by("kind")
        assert list(ended) == [("did", "customer", LAST_DAY), ("e911", "not_needed", LAST_DAY)]


class TestAnAccountThatBreaksAPromise:
    """A transfer of the key that its renewal will have: a defect that nothing else shows."""

    def test_one_whose_money_came_late_is_parked_and_the_run_goes_on(self):
        alice, bob = customer("alice"), customer("bob")
        run(LAST_DAY)
        add_funds(alice, "3", key=f"renewal:{alice.pk}:2027-02:1")

        run(LAST_DAY)
        outcome = run(THE_1ST)

        assert (outcome.cancelled, outcome.parked_now) == (1, [alice.number])
        assert [Cycle.objects.get(account=each).state for each in (alice, bob)] == ["parked", "failed"]

    @pytest.mark.usefixtures("stripe_server")
    def test_one_whose_card_was_charged_is_parked_with_its_money_in_the_balance(self):
        alice = customer("alice")
        add_card(alice, now=at_noon(THE_27TH))
        add_funds(alice, "0.01", key=f"renewal:{alice.pk}:2027-02:1")

        run(THE_27TH)

        assert (Cycle.objects.get().state, taken(alice), balance(alice)) == ("parked", [Decimal("2.11")], DUE)
        assert list(audit.differences()) == []


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
