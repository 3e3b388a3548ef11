"""Writes a line into a ticket's conversation: what somebody said, or what happened."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from callcentric.errors import Refused
from support import attachments
from support.attachments import File
from support.models import Message, Ticket


class TicketIsClosed(Refused):
    """Nothing more is written in a closed ticket."""


def locked(ticket: Ticket) -> Ticket:
    """The ticket as it is now; until the transaction ends nobody else writes in it."""
    about_the_account = Ticket.objects.select_related("account__user")
    return about_the_account.select_for_update(of=("self",)).get(pk=ticket.pk)


def by_customer(ticket: Ticket, *, text: str, now: datetime, **more: Any) -> Message:
    return _write(ticket, text=text, author=Message.Author.CUSTOMER, written_at=now, **more)


def by_staff(ticket: Ticket, *, text: str, by: User, now: datetime, **more: Any) -> Message:
    return _write(ticket, text=text, author=Message.Author.STAFF, staff=by, written_at=now, **more)


def by_portal(ticket: Ticket, *, text: str, now: datetime, **more: Any) -> Message:
    return _write(ticket, text=text, author=Message.Author.PORTAL, written_at=now, **more)


def _write(ticket: Ticket, *, attached: Sequence[File] = (), **values: Any) -> Message:
    message = Message.objects.create(ticket=ticket, **values)
    attachments.keep(message, attached)
    return message
