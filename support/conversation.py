"""What a customer does in a ticket of their own: answer, reopen, close, rate (domain.md §9).

Each takes the ticket's lock first, so that what it decides by is how things are, whatever staff do meanwhile.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from callcentric.errors import Refused
from support import pace, writing
from support.attachments import File
from support.models import Message, Ticket
from support.writing import TicketIsClosed

State = Ticket.State


class NotResolvedYet(Refused):
    """What goes on is not rated."""


@transaction.atomic
def answer(ticket: Ticket, *, text: str, token: UUID, now: datetime, attached: Sequence[File] = ()) -> None:
    """Add to the conversation; a resolved ticket is open again by it. Raises TicketIsClosed or TooManyMessages.

    The same form sent twice writes once.
    """
    ticket = writing.locked(ticket)
    if Message.objects.filter(token=token).exists():
        return
    _refuse_closed(ticket)
    pace.check(ticket.account, now=now)
    writing.by_customer(ticket, text=text, attached=attached, token=token, now=now)
    _back_to_staff(ticket, now)


@transaction.atomic
def reopen(ticket: Ticket, *, now: datetime) -> None:
    """Say that a resolved ticket is not resolved. Raises TicketIsClosed; one that goes on anyway is left as it is."""
    ticket = writing.locked(ticket)
    _refuse_closed(ticket)
    if ticket.state == State.RESOLVED:
        writing.by_customer(ticket, text="reopened this ticket", is_event=True, now=now)
        _back_to_staff(ticket, now)


@transaction.atomic
def close(ticket: Ticket, *, now: datetime) -> None:
    """End it: the customer needs no more help. One that is closed stays as it is."""
    ticket = writing.locked(ticket)
    if not ticket.is_closed:
        writing.by_customer(ticket, text="closed this ticket", is_event=True, now=now)
        ticket.come_to(State.CLOSED, now=now)


@transaction.atomic
def rate(ticket: Ticket, *, stars: int, now: datetime) -> None:
    """Say how good the help was, from 1 to 5; a later word takes the place of the first. Raises NotResolvedYet."""
    ticket = writing.locked(ticket)
    if not ticket.is_done or ticket.merged_into_id:
        raise NotResolvedYet("You can rate our help once the ticket is resolved. Write in it what is still missing.")
    if ticket.rating != stars:
        ticket.rating = stars
        ticket.save(update_fields=["rating"])
        writing.by_customer(ticket, text=f"rated our help {stars} of 5", is_event=True, now=now)


def _back_to_staff(ticket: Ticket, now: datetime) -> None:
    """It is staff's turn; a ticket that nobody has answered yet stays open."""
    ticket.come_to(State.OPEN if ticket.state == State.OPEN else State.WAITING_FOR_STAFF, now=now)


def _refuse_closed(ticket: Ticket) -> None:
    if ticket.merged_into:
        raise TicketIsClosed(f"This ticket went on as {ticket.merged_into.reference}. Write there.")
    if ticket.is_closed:
        raise TicketIsClosed(f"This ticket is closed. Open a new one, and name {ticket.reference} in it.")
