"""Resolved tickets close by themselves after seven business days, unless the customer writes."""

from datetime import timedelta

import pytest
from post_office.models import Email

from support import closing
from support.models import Ticket
from support.tasks import close_resolved_tickets
from tests.support.conversations import NOON, answer_as_customer, answer_as_staff, lines


@pytest.fixture
def resolved(ticket, sam, settings) -> Ticket:
    """Resolved on 11 January, an hour before midnight in New York."""
    settings.EMAIL_BACKEND = "post_office.EmailBackend"
    answer_as_staff(ticket, sam, resolves=True, now=NOON.replace(hour=23))
    Email.objects.all().delete()
    return ticket


def state(ticket: Ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


@pytest.mark.parametrize(("day", "hour", "expected"), [(17, 23, "resolved"), (18, 0, "closed"), (30, 12, "closed")])
def test_on_the_seventh_day(resolved, day, hour, expected):
    assert closing.close_resolved(now=NOON.replace(day=day, hour=hour)) == int(expected == "closed")
    assert state(resolved) == expected


def test_it_happens_once_and_the_customer_is_told(resolved):
    late = NOON + timedelta(days=8)
    assert [closing.close_resolved(now=late) for _ in range(2)] == [1, 0]
    resolved.refresh_from_db()
    assert (resolved.closed_at, resolved.resolved_at) == (late, NOON.replace(hour=23))
    assert lines(resolved)[-1] == "The portal closed this ticket, 7 days after it was resolved"
    assert [mail.subject for mail in Email.objects.all()] == [f"Your ticket {resolved.reference} is closed"]


def test_an_answer_in_time_keeps_it_open(resolved):
    answer_as_customer(resolved, now=NOON + timedelta(days=6))
    assert closing.close_resolved(now=NOON + timedelta(days=60)) == 0
    assert state(resolved) == "staff"


def test_what_waits_is_left_alone(ticket):
    assert closing.close_resolved(now=NOON + timedelta(days=60)) == 0


def test_the_task_finds_it(resolved):
    Ticket.objects.update(resolved_at=NOON - timedelta(days=3650))
    close_resolved_tickets()
    assert state(resolved) == "closed"
