"""Tickets for tests, opened and answered as customers and staff do it."""

from datetime import date, datetime, timedelta
from uuid import uuid4

from django.urls import reverse

from accounts.models import Account, User
from billing.models import Service
from callcentric.clock import BUSINESS_ZONE
from support import conversation, desk, tickets
from support.models import Ticket
from support.topics import Topic
from tests.factories import PhoneNumberFactory, hold_number

NOON = datetime(2027, 1, 11, 12, tzinfo=BUSINESS_ZONE)

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
HTML = b"<!doctype html><script>alert(document.cookie)</script>"


def hour(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def open_ticket(account: Account, subject: str = "No calls come in", *, now: datetime = NOON, **more) -> Ticket:
    given = {
        "category": "technical",
        "text": "Since this morning.",
        "topic": Topic(),
        "token": uuid4(),
        "attached": [],
        **more,
    }
    return tickets.open_for_customer(account, subject=subject, now=now, **given)


def last_line(ticket: Ticket) -> int:
    return ticket.messages.latest("pk").pk


def answer_as_staff(
    ticket: Ticket, sam: User, text: str = "We look into it.", *, now: datetime = NOON, **more
) -> Ticket:
    desk.answer(ticket, text=text, by=sam, seen=last_line(ticket), now=now, **more)
    ticket.refresh_from_db()
    return ticket


def answer_as_customer(ticket: Ticket, text: str = "Still nothing.", *, now: datetime = NOON, **more) -> Ticket:
    conversation.answer(ticket, text=text, token=more.pop("token", uuid4()), now=now, **more)
    ticket.refresh_from_db()
    return ticket


def lines(ticket: Ticket) -> list[str]:
    """Who said or did what, in order; private lines in brackets."""
    said = [(message.who(for_staff=True), message) for message in ticket.messages.in_words()]
    return [
        ("({} {})" if message.is_private else "{} {}").format(who, message.text)
        if message.is_event
        else ("({}: {})" if message.is_private else "{}: {}").format(who, message.text)
        for who, message in said
    ]


def desk_of(ticket: Ticket) -> str:
    """The ticket's page in the admin."""
    return reverse("admin:support_ticket_change", args=[ticket.pk])


def lose_number(account: Account, *, ago: int = 5, reason: str = "failed_rebilling") -> Service:
    """A number that was cancelled so many days ago, and is kept. Today is 11 January 2027."""
    ended = date(2027, 1, 11) - timedelta(days=ago)
    number = PhoneNumberFactory(state="kept", last_holder=account, disconnected_on=ended)
    ending = {"state": "cancelled", "cancelled_on": ended, "reason": reason}
    dates = {"started_on": ended - timedelta(days=60), "paid_until": ended}
    return hold_number(account, phone_number=number, **ending, **dates)
