"""What waits for staff and for how long, and how soon tickets were first answered."""

from datetime import date, timedelta

import pytest

from support import waiting
from support.models import Ticket
from support.waiting import Backlog, Week
from tests.staff.desk import NOON, TODAY, ago, answered, ticket

pytestmark = pytest.mark.django_db
MONDAY = date(2027, 1, 11)
HOUR = timedelta(hours=1)


def test_nothing_waits():
    assert waiting.backlog(now=NOON) == Backlog(0, {1: 0, 3: 0, 7: 0})


@pytest.mark.parametrize(
    ("state", "tickets"), [("open", 1), ("staff", 1), ("customer", 0), ("resolved", 0), ("closed", 0)]
)
def test_what_waits_for_staff_is_new_or_was_answered_by_its_customer(alice, state, tickets):
    given = {"resolved": {"resolved_at": NOON}, "closed": {"closed_at": NOON}}.get(state, {})
    ticket(alice, state, state_since=NOON, **given)
    assert waiting.backlog(now=NOON).tickets == tickets


@pytest.mark.parametrize(
    ("waited", "longer"),
    [
        (timedelta(hours=23), []),
        (timedelta(days=1), [1]),
        (timedelta(days=2, hours=23), [1]),
        (timedelta(days=3), [1, 3]),
        (timedelta(days=7), [1, 3, 7]),
        (timedelta(days=70), [1, 3, 7]),
    ],
)
def test_how_long_it_waits_counts_from_its_state(alice, waited, longer):
    ticket(alice, opened_at=ago(days=100), state_since=NOON - waited)
    found = waiting.backlog(now=NOON).longer
    assert [days for days, tickets in found.items() if tickets] == longer
    # The same as the list shows.
    assert [Ticket.objects.for_longer_than(days, now=NOON).count() for days in waiting.LONG] == list(found.values())


def test_weeks_without_an_answer_are_weeks_too():
    found = waiting.first_answers(today=TODAY, weeks=2)
    assert found == [Week(date(2027, 1, 4), 0, None), Week(MONDAY, 0, None)]


@pytest.mark.parametrize(
    ("waited", "median"),
    [([1], 1), ([1, 2], 1.5), ([1, 2, 300], 2), ([5, 1, 2, 4], 3)],
)
def test_the_median_is_what_half_of_them_waited_at_most(alice, waited, median):
    for hours in waited:
        answered(alice, at=NOON, after=hours * HOUR)
    assert waiting.first_answers(today=TODAY, weeks=1) == [Week(MONDAY, len(waited), median * HOUR)]


@pytest.mark.parametrize(
    ("at", "counted"),
    [
        # Sunday before midnight in New York, and then Monday.
        (ago(hours=13), [0, 1, 0]),
        (ago(hours=12), [0, 0, 1]),
        (ago(days=7, hours=12), [0, 1, 0]),
        (ago(days=8), [1, 0, 0]),
        (ago(days=22), [0, 0, 0]),
        # Later in this week, as a moved clock has it.
        (ago(days=-6), [0, 0, 1]),
        (ago(days=-7), [0, 0, 0]),
    ],
)
def test_a_ticket_counts_in_the_week_of_its_answer(alice, at, counted):
    answered(alice, at=at, after=30 * 24 * HOUR)
    assert [week.answered for week in waiting.first_answers(today=TODAY, weeks=3)] == counted


@pytest.mark.parametrize("weekday", range(7))
def test_the_last_week_is_that_of_today(weekday):
    assert waiting.first_answers(today=MONDAY + timedelta(days=weekday), weeks=1)[0].monday == MONDAY
