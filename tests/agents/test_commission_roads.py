"""Commission on every road that a client's money takes: order, back-order, reorder, reclaim, cycle, refund."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import Account
from billing import audit, commission, ledger, taxes
from billing.models import Card, Payment, Transfer
from callcentric.clock import BUSINESS_ZONE
from callcentric.errors import Refused
from orders import back_orders, checkout, closing, reorder
from orders.models import Order
from tests.billing.month import run
from tests.factories import AccountFactory
from tests.localstripe import add_card
from tests.orders.checkouts import NOON, TOTAL, balance, confirmation, place, total_of
from tests.orders.conftest import credit, live_at_the_billing_address, put_into_cart
from tests.orders.waiting import DAY_30, wait_for_number

D = Decimal
PERCENT = D(3)
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("catalog", "taxed")]


@pytest.fixture
def taxed(db) -> None:
    taxes.load()


@pytest.fixture
def agent(db) -> Account:
    return AccountFactory(user__username="agent", commission_percent=PERCENT)


@pytest.fixture
def client_of_agent(agent) -> Account:
    """Bob, whom the agent has brought, with an address and $200.00."""
    bob = AccountFactory(user__username="bob", referred_by=agent)
    credit(bob, "200")
    return live_at_the_billing_address(bob)


def earned(agent: Account) -> Decimal:
    """All that came, less all that went back, by the ledger's transfers alone."""
    own = ledger.of(agent)
    moved = Transfer.objects.filter(kind="commission").of(own)
    return sum((each.amount if each.target_id == own.pk else -each.amount for each in moved), D(0))


def on_what_was_charged(client: Account) -> Decimal:
    charged = Transfer.objects.filter(kind="charge", source=ledger.of(client))
    return sum((commission.on(each.amount, PERCENT) for each in charged), D(0))


def holds(agent: Account, client: Account, *, back: str = "0") -> None:
    assert earned(agent) == balance(agent) == on_what_was_charged(client) - D(back)
    assert on_what_was_charged(client) > 0
    assert list(audit.differences()) == []


def test_an_order_from_the_balance(agent, client_of_agent):
    put_into_cart(client_of_agent)
    order = place(client_of_agent)
    assert (order.total, earned(agent)) == (TOTAL, commission.on(order.subtotal, PERCENT))
    holds(agent, client_of_agent)


def test_an_order_by_card_earns_on_the_order_and_not_on_the_card_payment(agent, client_of_agent, stripe_server):
    card: Card = add_card(client_of_agent, now=NOON)
    put_into_cart(client_of_agent)
    order = place(client_of_agent, pays_from="card", card=card)
    assert (order.state, Payment.objects.get().state) == (Order.State.COMPLETED, "succeeded")
    assert Transfer.objects.filter(kind="commission").count() == 1
    holds(agent, client_of_agent)


def test_an_order_that_cannot_be_paid_earns_nothing(agent, client_of_agent):
    put_into_cart(client_of_agent)
    shown = confirmation(client_of_agent)
    spent = {"net": D("199"), "tax": D(0), "memo": "Spent", "made_at": NOON}
    Account.objects.filter(pk=agent.pk).update(commission_percent=None)
    ledger.charge(account=client_of_agent, key="spent", **spent)
    Account.objects.filter(pk=agent.pk).update(commission_percent=PERCENT)
    with pytest.raises(Refused):
        checkout.place(account=Account.objects.get(pk=client_of_agent.pk), confirmation=shown, now=NOON)
    assert earned(agent) == 0


@pytest.mark.parametrize("ends", ["withdrawn", "unfilled"])
def test_a_number_that_never_came_takes_its_commission_back(agent, client_of_agent, ends):
    waiting = wait_for_number(client_of_agent)
    holds(agent, client_of_agent)
    if ends == "withdrawn":
        back_orders.withdraw(waiting, now=NOON)
    else:
        back_orders.refund_overdue(now=DAY_30)
    given_back = sum(Transfer.objects.filter(kind="refund").values_list("amount", flat=True))
    holds(agent, client_of_agent, back=commission.on(given_back, PERCENT))


def test_closing_the_clients_account_takes_back_what_is_refunded_alone(agent, client_of_agent):
    wait_for_number(client_of_agent)
    before = earned(agent)
    client = Account.objects.get(pk=client_of_agent.pk)
    closing.close(client, seen=closing.preview(client, now=NOON).digest, now=NOON)
    given_back = sum(Transfer.objects.filter(kind="refund", refund_of__isnull=False).values_list("amount", flat=True))
    assert (before, earned(agent)) == (
        on_what_was_charged(client_of_agent),
        before - commission.on(given_back, PERCENT),
    )
    assert list(audit.differences()) == []


def test_the_month_and_what_is_reordered_after_it_failed(agent, client_of_agent):
    put_into_cart(client_of_agent)
    place(client_of_agent)
    run(date(2027, 1, 27))
    holds(agent, client_of_agent)
    assert Transfer.objects.filter(kind="commission").count() == 2

    rest = ledger.of(client_of_agent).balance
    spent = {"net": rest, "tax": D(0), "memo": "Calls", "made_at": NOON}
    ledger.charge(account=client_of_agent, key="calls", **spent)
    for day in (date(2027, 2, 27), date(2027, 3, 1)):
        run(day)
    on_the_5th = datetime(2027, 3, 5, 12, tzinfo=BUSINESS_ZONE)
    credit(client_of_agent, "100")
    client = Account.objects.get(pk=client_of_agent.pk)
    reorder.reorder(account=client, session=SessionStore(), now=on_the_5th)
    earned_before = earned(agent)
    place(client, now=on_the_5th, total=total_of(client, on_the_5th))
    assert earned(agent) > earned_before
    holds(agent, client_of_agent)
