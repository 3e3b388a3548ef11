"""Orders a day, as staff see them first."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from callcentric.clock import BUSINESS_ZONE
from orders import daily
from orders.daily import Day
from tests.staff.desk import order

pytestmark = pytest.mark.django_db


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, 1, day, hour, minute, tzinfo=BUSINESS_ZONE)


def days(*found: tuple[int, int, str]) -> list[Day]:
    return [Day(date(2027, 1, day), orders, Decimal(dollars)) for day, orders, dollars in found]


def test_a_day_without_orders_is_one_too():
    assert daily.completed(today=date(2027, 1, 3), days=3) == days((1, 0, "0"), (2, 0, "0"), (3, 0, "0"))


def test_orders_count_on_the_business_day_they_were_placed(alice, bob):
    # Late in New York it is the next day by the server's clock.
    for moment in (at(2, 0), at(2, 23, 59), at(3, 0)):
        order(alice, "10.50", at=moment)
    order(bob, "1.00", at=at(2, 12))
    # Before the first day, and after today.
    order(alice, at=datetime(2026, 12, 31, 23, 59, tzinfo=BUSINESS_ZONE))
    order(alice, at=at(4, 0))
    assert daily.completed(today=date(2027, 1, 3), days=3) == days((1, 0, "0"), (2, 3, "22.00"), (3, 1, "10.50"))


@pytest.mark.parametrize("state", ["paying", "failed"])
def test_an_order_that_is_not_completed_does_not_count(alice, state):
    order(alice, at=at(3, 12), state=state)
    assert daily.completed(today=date(2027, 1, 3), days=1) == days((3, 0, "0"))
