"""E-mails about tickets. Each says what happened and links to the ticket; what was written is read there, logged in."""

from django.conf import settings
from django.urls import reverse

from accounts import mails
from support.models import Ticket


def opened_by_staff(ticket: Ticket) -> None:
    _tell(
        ticket,
        f"We have opened ticket {ticket.reference} for you",
        "Our staff have written to you, and wait for your answer.",
    )


def answered(ticket: Ticket) -> None:
    _tell(ticket, f"An answer to your ticket {ticket.reference}", "Our staff have answered you.")


def resolved(ticket: Ticket, *, with_answer: bool) -> None:
    """Say that staff take it for done, and until when that can be contradicted."""
    done = "Our staff have answered you and think" if with_answer else "Our staff think"
    _tell(
        ticket,
        f"Your ticket {ticket.reference} is resolved",
        f"{done} that this ticket is resolved. If it is not, answer in it: that opens it again. "
        f"It closes by itself on {ticket.closes_on:%-d %B %Y}. You can rate our help there too.",
    )


def closed(ticket: Ticket) -> None:
    _tell(
        ticket,
        f"Your ticket {ticket.reference} is closed",
        f"This ticket is closed now. If you need more help, open a new one and name {ticket.reference} in it. "
        "You can still read this one, and rate our help.",
    )


def reopened(ticket: Ticket) -> None:
    _tell(
        ticket,
        f"Your ticket {ticket.reference} is open again",
        "Our staff have opened this ticket again. We write to you as soon as there is something new.",
    )


def merged(ticket: Ticket, into: Ticket) -> None:
    """Say under which reference it goes on; the link leads there."""
    _tell(
        into,
        f"Your ticket {ticket.reference} goes on as {into.reference}",
        f"You had two tickets about the same thing. Ticket {ticket.reference} ({ticket.subject}), with all that was "
        "written in it, is part of this one now:",
    )


def _tell(ticket: Ticket, subject: str, words: str) -> None:
    mails.write(
        ticket.account,
        subject=subject,
        template="support/emails/ticket.txt",
        ticket=ticket,
        words=words,
        link=settings.SITE_URL + reverse("ticket", args=[ticket.reference]),
    )
