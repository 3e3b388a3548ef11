"""Declined charges a day, as staff see them first."""

from datetime import date, datetime

import pytest

from billing import failed_cards
from billing.failed_cards import Day
from callcentric.clock import BUSINESS_ZONE
from tests.staff.desk import charge

pytestmark = pytest.mark.django_db
TODAY = date(2027, 1, 3)


def at(day: int, hour: int = 12) -> datetime:
    return datetime(2027, 1, day, hour, tzinfo=BUSINESS_ZONE)


def test_a_day_without_any_is_one_too():
    nothing = failed_cards.declined(today=TODAY, days=2)
    assert nothing == [Day(date(2027, 1, 2), 0, 0), Day(TODAY, 0, 0)]


def test_declined_charges_count_on_the_day_they_were_begun(alice, bob):
    for account, purpose, moment in (
        (alice, "renewal", at(2, 0)),
        (bob, "renewal", at(2, 23)),
        (alice, "deposit", at(2)),
        (alice, "order", at(3)),
        (alice, "recharge", at(3)),
        # Before the first day, and after today.
        (alice, "renewal", at(1, 23)),
        (alice, "renewal", at(4, 0)),
    ):
        charge(account, purpose, at=moment)
    found = failed_cards.declined(today=TODAY, days=2)
    assert found == [Day(date(2027, 1, 2), 2, 1), Day(TODAY, 0, 2)]
    assert [day.all for day in found] == [3, 2]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("succeeded", ""),
        ("created", ""),
        ("needs_customer", ""),
        # Called off by the customer, or never answered.
        ("failed", ""),
    ],
)
def test_what_no_bank_has_declined_does_not_count(alice, state, code):
    charge(alice, "deposit", at=at(3), state=state, code=code)
    assert failed_cards.declined(today=TODAY, days=1) == [Day(TODAY, 0, 0)]
