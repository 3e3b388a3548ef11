"""Closes tickets that were resolved seven days ago and whose customers had nothing to add (domain.md §9)."""

from datetime import datetime

from django.db import transaction

from support import mails, writing
from support.models import Ticket


def close_resolved(*, now: datetime) -> int:
    """Close what is due, each by itself, and tell its customer; returns how many. A run that is missed does no harm."""
    due = Ticket.objects.due_to_close(now.date()).order_by("pk")
    return sum(_close(pk, now) for pk in due.values_list("pk", flat=True))


@transaction.atomic
def _close(pk: int, now: datetime) -> bool:
    # Looked at again under its lock: the customer may just be answering, or another run closing it.
    due = Ticket.objects.due_to_close(now.date()).filter(pk=pk).select_related("account__user")
    ticket = due.select_for_update(of=("self",), skip_locked=True).first()
    if ticket is None:
        return False
    text = "closed this ticket, 7 days after it was resolved"
    writing.by_portal(ticket, text=text, is_event=True, now=now)
    ticket.come_to(Ticket.State.CLOSED, now=now)
    mails.closed(ticket)
    return True
