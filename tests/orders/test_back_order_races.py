"""Orders that wait, with several hands at them at once: real threads on the real database."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts.models import Account
from billing import audit
from billing.models import Service
from callcentric.errors import Refused
from orders import back_orders
from phone_numbers.models import BackOrder
from tests.factories import PhoneNumberFactory, RateCenterFactory
from tests.orders.checkouts import NOON, balance
from tests.orders.conftest import credit, live_at_the_billing_address
from tests.orders.waiting import DAY_30, wait_for_number

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def customer(transactional_db, alice, catalog, taxes) -> Account:
    credit(alice, "500")
    return live_at_the_billing_address(alice)


def all_at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each returned, or how it was refused."""
    gate, answers = threading.Barrier(len(deeds)), [None] * len(deeds)

    def do(place: int) -> None:
        try:
            gate.wait()
            answers[place] = deeds[place]()
        except Refused as refusal:
            answers[place] = type(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(deeds))]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return answers


def test_staff_who_press_at_once_serve_each_order_once(customer):
    """Six presses for three orders and three numbers; whoever finds all taken serves nobody."""
    albany = RateCenterFactory()
    orders = [wait_for_number(customer, at=albany, now=NOON.replace(minute=minute)) for minute in range(3)]
    numbers = PhoneNumberFactory.create_batch(3)
    served = all_at_once(*[lambda: back_orders.assign_next(albany, now=NOON)] * 6)
    assert {each.pk for each in served if each} <= {each.pk for each in orders}
    assert sum(each is not None for each in served) == len({each.pk for each in served if each})
    # Those who found a row locked have passed it over: one more press serves what they left.
    while back_orders.assign_next(albany, now=NOON):
        pass
    given = BackOrder.objects.filter(state="filled").values_list("phone_number", flat=True)
    assert sorted(given) == sorted(number.pk for number in numbers)


def test_one_number_goes_to_one_order(customer):
    albany, number = RateCenterFactory(), PhoneNumberFactory()
    for minute in range(4):
        wait_for_number(customer, at=albany, now=NOON.replace(minute=minute))
    all_at_once(*[lambda: back_orders.assign_next(albany, number=number, now=NOON)] * 4)
    assert BackOrder.objects.filter(state="filled").count() == 1


@pytest.mark.parametrize("_round", range(5))
def test_a_number_or_the_money_and_never_both(customer, _round):
    waiting = wait_for_number(customer)
    PhoneNumberFactory()
    paid = 500 - balance(customer)
    all_at_once(
        lambda: back_orders.assign_next(waiting.rate_center, now=DAY_30),
        lambda: back_orders.withdraw(BackOrder.objects.get(), now=DAY_30),
        lambda: back_orders.withdraw(BackOrder.objects.get(), now=DAY_30),
        lambda: back_orders.refund_overdue(now=DAY_30),
        lambda: back_orders.refund_overdue(now=DAY_30),
    )
    waiting.refresh_from_db()
    expected = 500 - paid if waiting.state == BackOrder.State.FILLED else 500
    assert (waiting.state != "waiting", balance(customer), list(audit.differences())) == (True, expected, [])


def test_staff_are_not_told_that_nobody_waits_while_the_order_is_being_closed(customer):
    """Somebody else has the only order locked, and has not decided yet."""
    waiting, (number, _) = wait_for_number(customer), PhoneNumberFactory.create_batch(2)
    with transaction.atomic():
        Service.objects.select_for_update().get(back_order=waiting)
        told = all_at_once(
            lambda: back_orders.assign_next(waiting.rate_center, now=NOON),
            lambda: refusal_of(lambda: back_orders.assign_this(waiting.rate_center, digits=number.digits, now=NOON)),
        )
    assert told == [
        None,
        "No order for a number in Albany, NY can be taken up now: none waits any more, or somebody else is closing "
        "the last one. Nothing was changed. Look at the queue again.",
    ]
    assert back_orders.assign_this(waiting.rate_center, digits=number.digits, now=NOON) == waiting


def refusal_of(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        deed()
    return str(refusal.value)
