"""Orders in the daily match, and who starts it: the beat's task and the command."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from billing import ledger
from billing.models import Difference, LedgerAccount, Match
from callcentric import clock
from orders import checkout, reconciliation, tasks
from orders.models import Order
from tests.localstripe import call
from tests.orders.checkouts import confirmation, total_of
from tests.stripe_proxy import BROKEN


@pytest.fixture(autouse=True)
def _fresh_stripe(db, stripe_server):
    """What other tests have charged today is not this test's."""
    call("DELETE", "/_config/data")


@pytest.fixture
def order(shopper) -> Order:
    """Alice has ordered a plan today, from her balance."""
    now = clock.now()
    confirmed = confirmation(shopper, total=total_of(shopper, now))
    return checkout.place(account=shopper, confirmation=confirmed, now=now)


def match(days: int = 0) -> Match:
    return reconciliation.match(on=clock.today() + timedelta(days=days), now=clock.now())


def found() -> list[tuple]:
    return list(Difference.objects.open().values_list("kind", "key", "ours", "theirs"))


def test_a_calm_one(order):
    made = match()
    assert (made.invoices, made.differences) == (order.total, 0)


def test_one_that_failed_is_no_bill(order):
    Order.objects.update(state="failed", completed_at=None)
    assert match().invoices == 0
    assert found() == [("invoice", f"order:{order.pk}", order.total, None)]


def test_another_amount_is_found_and_gone_again_on_a_later_day(order):
    Order.objects.update(subtotal=order.subtotal + 1, total=order.total + 1)
    match()
    match()
    assert found() == [("invoice", f"order:{order.pk}", order.total, order.total + 1)]
    Order.objects.update(subtotal=order.subtotal, total=order.total)
    assert (match(days=1).differences, found()) == (0, [])


def test_one_without_its_charge(order):
    made = Order.objects.create(
        account=order.account,
        token="5f0c7a52-6f0e-4a0e-9d3b-6a4f5d2c8b10",
        billing_address=order.billing_address,
        service_address=order.service_address,
        tax_rate=0,
        subtotal=3,
        tax=0,
        total=3,
        state="completed",
        placed_at=clock.now(),
        completed_at=clock.now(),
    )
    assert match().differences == 1
    assert found() == [("invoice", f"order:{made.pk}", None, Decimal(3))]


class TestTask:
    def test_yesterday_is_matched_once(self, db):
        tasks.match_days()
        tasks.match_days()
        assert [made.on for made in Match.objects.all()] == [clock.today() - timedelta(days=1)]


class TestCommand:
    def test_a_calm_day(self, order, capsys):
        call_command("reconcile", on=clock.today())
        assert capsys.readouterr().out == (
            f"{clock.today()}: Stripe 0.00, ledger 0.00, bills {order.total:.2f}, differences 0.\n"
        )

    def test_what_is_open_is_named(self, alice, capsys):
        ledger.of(alice)
        LedgerAccount.objects.filter(account=alice).update(balance=1)
        with pytest.raises(CommandError) as problem:
            call_command("reconcile")
        about = f"{alice.number}: the balance is 1.0000 and its transfers add up to 0."
        assert str(problem.value) == f"{about} ({alice.number})"
        assert capsys.readouterr().out.startswith(f"{clock.today() - timedelta(days=1)}: ")

    def test_a_day_that_has_not_come(self, db):
        with pytest.raises(CommandError, match="has not come yet"):
            call_command("reconcile", on=clock.today() + timedelta(days=1))

    def test_while_stripe_is_away(self, stripe_server):
        stripe_server.fail_next("/charges$", BROKEN)
        with pytest.raises(CommandError, match="Stripe did not answer: .* Nothing was written down."):
            call_command("reconcile", on=clock.today())
        assert Match.objects.count() == 0
