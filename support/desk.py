"""What staff do in a ticket: answer, note, assign, resolve, merge, close (domain.md §9).

Two of them may have the same ticket before them. Each says with ``seen`` which line was the last they saw; under the
ticket's lock, whoever has not seen the last one is told (ChangedMeanwhile) and changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce

from accounts.models import User
from callcentric.errors import Refused
from support import mails, writing
from support.attachments import File
from support.models import Message, Ticket
from support.writing import TicketIsClosed

State = Ticket.State


class ChangedMeanwhile(Refused):
    """Something was written in the ticket, or done to it, since the page was shown."""


class NotThisCategory(Refused):
    """Abuse is for tickets that staff have opened themselves."""


class NotMerged(Refused):
    """These two tickets do not become one."""


@transaction.atomic
def answer(
    ticket: Ticket,
    *,
    text: str,
    by: User,
    seen: int,
    now: datetime,
    attached: Sequence[File] = (),
    resolves: bool = False,
) -> None:
    """Write to the customer, who is told by e-mail. Raises ChangedMeanwhile or TicketIsClosed.

    ``resolves`` says too that the ticket is done, which needs no words; files come with words alone.
    """
    ticket = _taken_up(ticket, seen)
    _refuse_closed(ticket)
    if text:
        writing.by_staff(ticket, text=text, by=by, attached=attached, now=now)
        _first_answered(ticket, now)
    if not resolves:
        ticket.come_to(State.WAITING_FOR_CUSTOMER, now=now)
        mails.answered(ticket)
        return
    _event(ticket, "marked this ticket as resolved", by, now)
    ticket.come_to(State.RESOLVED, now=now)
    mails.resolved(ticket, with_answer=bool(text))


@transaction.atomic
def note(ticket: Ticket, *, text: str, by: User, seen: int, now: datetime, attached: Sequence[File] = ()) -> None:
    """Write what only staff read; in a closed ticket too. Raises ChangedMeanwhile."""
    ticket = _taken_up(ticket, seen)
    writing.by_staff(ticket, text=text, by=by, attached=attached, is_private=True, now=now)


@transaction.atomic
def assign(ticket: Ticket, *, to: User | None, by: User, seen: int, now: datetime) -> None:
    """Make it somebody's work, or nobody's. The customer is not told. Raises ChangedMeanwhile."""
    ticket = _taken_up(ticket, seen)
    ticket.assignee = to
    ticket.save(update_fields=["assignee"])
    words = f"assigned this ticket to {to}" if to else "assigned this ticket to nobody"
    _event(ticket, words, by, now, is_private=True)


@transaction.atomic
def recategorise(ticket: Ticket, *, category: str, by: User, seen: int, now: datetime) -> None:
    """Put it into another category. Raises ChangedMeanwhile or NotThisCategory."""
    ticket = _taken_up(ticket, seen)
    if category == Ticket.Category.ABUSE and ticket.opened_by == Ticket.OpenedBy.CUSTOMER:
        raise NotThisCategory(
            "A customer's own ticket cannot become one about abuse. Open a ticket about it on the account."
        )
    ticket.category = category
    ticket.save(update_fields=["category"])
    _event(ticket, f"moved this ticket to {ticket.get_category_display()}", by, now)


@transaction.atomic
def close(ticket: Ticket, *, by: User, seen: int, now: datetime) -> None:
    """End it, and tell the customer. Raises ChangedMeanwhile or TicketIsClosed."""
    ticket = _taken_up(ticket, seen)
    _refuse_closed(ticket)
    _event(ticket, "closed this ticket", by, now)
    ticket.come_to(State.CLOSED, now=now)
    mails.closed(ticket)


@transaction.atomic
def reopen(ticket: Ticket, *, by: User, seen: int, now: datetime) -> None:
    """Take up again what was resolved or closed, and tell the customer. Raises ChangedMeanwhile or TicketIsClosed.

    What was merged into another ticket goes on there, and is not reopened.
    """
    ticket = _taken_up(ticket, seen)
    _refuse_merged(ticket)
    if ticket.is_done:
        _event(ticket, "reopened this ticket", by, now)
        ticket.come_to(State.WAITING_FOR_STAFF, now=now)
        mails.reopened(ticket)


@transaction.atomic
def merge(ticket: Ticket, *, into: Ticket, by: User, seen: int, now: datetime) -> None:
    """Make ``ticket`` part of another one of the same customer. Raises ChangedMeanwhile, TicketIsClosed or NotMerged.

    Its messages go over as they are: who wrote them, when, and in which ticket. It stays as a closed one that says
    where it went on.
    """
    # In the order of their ids, so that two who merge the same two do not wait for each other.
    list(Ticket.objects.select_for_update().filter(pk__in=[ticket.pk, into.pk]).order_by("pk"))
    ticket, into = _taken_up(ticket, seen), writing.locked(into)
    _refuse_closed(ticket)
    if problem := _why_not_into(ticket, into):
        raise NotMerged(problem)
    was_waiting = ticket.state in (State.OPEN, State.WAITING_FOR_STAFF)
    ticket.messages.update(ticket=into, came_from=Coalesce("came_from", Value(ticket.pk)))
    ticket.merged.update(merged_into=into)
    _event(ticket, f"merged this ticket into {into.reference}", by, now)
    _event(into, f"merged ticket {ticket.reference} ({ticket.subject}) into this one", by, now)
    ticket.come_to(State.CLOSED, now=now)
    ticket.merged_into = into
    ticket.save(update_fields=["merged_into"])
    if was_waiting and into.state != State.OPEN:
        into.come_to(State.WAITING_FOR_STAFF, now=now)
    mails.merged(ticket, into)


def _taken_up(ticket: Ticket, seen: int) -> Ticket:
    """The ticket, locked. Every change of it is a line, so nothing has changed where no line came after ``seen``."""
    ticket = writing.locked(ticket)
    if ticket.messages.filter(pk__gt=seen).exists():
        raise ChangedMeanwhile(
            "Nothing was changed: something has happened in this ticket since you opened it. Read below what it was; "
            "what you typed is still in the form."
        )
    return ticket


def _event(ticket: Ticket, text: str, by: User, now: datetime, *, is_private: bool = False) -> Message:
    return writing.by_staff(ticket, text=text, by=by, is_event=True, is_private=is_private, now=now)


def _first_answered(ticket: Ticket, now: datetime) -> None:
    """How long customers wait is counted for what they have opened, not for what staff have."""
    if ticket.first_answered_at is None and ticket.opened_by != Ticket.OpenedBy.STAFF:
        ticket.first_answered_at = now
        ticket.save(update_fields=["first_answered_at"])


def _why_not_into(ticket: Ticket, into: Ticket) -> str:
    if into.pk == ticket.pk:
        return "A ticket cannot be merged into itself."
    if into.account_id != ticket.account_id:
        return f"Ticket {into.reference} is another customer's. Only tickets of the same customer can be merged."
    if into.is_closed:
        return f"Ticket {into.reference} is closed. Reopen it first, or merge it into this one."
    return ""


def _refuse_closed(ticket: Ticket) -> None:
    _refuse_merged(ticket)
    if ticket.is_closed:
        raise TicketIsClosed("This ticket is closed. Reopen it first, or write a private note.")


def _refuse_merged(ticket: Ticket) -> None:
    if ticket.merged_into:
        raise TicketIsClosed(f"This ticket was merged into {ticket.merged_into.reference}. Go on there.")
