"""Whatever two customers, staff and time do with orders that wait: no cent is lost, and never a number and a refund."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account
from billing import audit, emergency
from billing.models import Service, Transfer
from orders import back_orders
from orders.models import Order, OrderLine
from phone_numbers.models import BackOrder, PhoneNumber, RateCenter
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.orders.checkouts import NOON, balance
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import wait_for_number

CODES = ["pay-per-minute", "personal-unlimited", "office-unlimited"]
ORDER = st.tuples(st.just("order"), st.integers(0, 1), st.sampled_from(CODES))
FILL = st.tuples(st.just("fill"))
WITHDRAW = st.tuples(st.just("withdraw"), st.integers(0, 5))
CONFIRM = st.tuples(st.just("confirm"), st.integers(0, 1))
DAYS = st.tuples(st.just("days"), st.integers(1, 20))


@pytest.fixture
def customers(alice, bob, catalog, taxes) -> list[Account]:
    for account in (alice, bob):
        credit(account, "1000")
        live_at_the_billing_address(account)
    return [alice, bob]


def play(customers: list[Account], steps: list[tuple], albany: RateCenter) -> None:
    now = NOON
    for step, *facts in steps:
        if step == "order":
            wait_for_number(customers[facts[0]], facts[1], albany, now=now)
        elif step == "fill":
            back_orders.assign_next(albany, number=PhoneNumberFactory(), now=now)
        elif step == "withdraw":
            withdraw(facts[0], now)
        elif step == "confirm":
            for service in Service.objects.filter(account=customers[facts[0]], kind="e911"):
                emergency.confirm(service, now=now)
        else:
            now += timedelta(days=facts[0])
            back_orders.refund_overdue(now=now)


def withdraw(place: int, now: datetime) -> None:
    for back_order in BackOrder.objects.order_by("pk")[place : place + 1]:
        try:
            back_orders.withdraw(back_order, now=now)
        except back_orders.NoLongerWaiting:
            assert back_order.state != BackOrder.State.WAITING


@given(steps=st.lists(st.one_of(ORDER, FILL, WITHDRAW, CONFIRM, DAYS), min_size=4, max_size=14))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_after_any_steps_everything_adds_up(customers, steps):
    with transaction.atomic():
        play(customers, steps, RateCenterFactory())
        assert list(audit.differences()) == []
        for account in customers:
            paid = sum(order.total for order in Order.objects.filter(account=account))
            refunds = Transfer.objects.filter(target__account=account, key__startswith="refund:")
            back = sum(each.amount for each in refunds)
            assert balance(account) == 1000 - paid + back
        for back_order in BackOrder.objects.select_related("service"):
            check(back_order)
        for account in customers:
            check_nothing_lost(account)
        for order in Order.objects.all():
            check_refunds(order)
        transaction.set_rollback(True)


def check(back_order: BackOrder) -> None:
    line = OrderLine.objects.get(services__back_order=back_order)
    has_number = back_order.service.state == Service.State.ACTIVE
    assert has_number == (back_order.state == BackOrder.State.FILLED) == (back_order.phone_number is not None)
    given_back = back_order.state in (BackOrder.State.WITHDRAWN, BackOrder.State.REFUNDED)
    assert given_back == (line.refunded_at is not None) == (back_order.service.state == Service.State.CANCELLED)
    if has_number:
        assert PhoneNumber.objects.get(pk=back_order.phone_number_id).holder == back_order.account


def check_nothing_lost(account: Account) -> None:
    """Whoever gets no number, and whose 911 was never active, has all their money again in the end."""
    back_orders.refund_overdue(now=NOON + timedelta(days=365))
    got_a_number = BackOrder.objects.filter(account=account, state=BackOrder.State.FILLED).exists()
    had_911 = Service.objects.filter(account=account, kind="e911").exclude(confirmed_at=None).exists()
    if not got_a_number and not had_911:
        assert balance(account) == 1000


def check_refunds(order: Order) -> None:
    """Each line came back as it was paid, once or not at all; all of them together with the whole tax."""
    lines = list(order.lines.all())
    refunds = Transfer.objects.filter(kind="refund", key__in=[f"refund:{line.pk}" for line in lines])
    assert {each.key: each.amount for each in refunds} == {
        f"refund:{line.pk}": line.amount for line in lines if line.refunded_at
    }
    tax = sum((each.tax.amount for each in refunds.select_related("tax")), Decimal(0))
    if all(line.refunded_at for line in lines):
        assert tax == order.tax
    else:
        assert 0 <= tax < order.tax
