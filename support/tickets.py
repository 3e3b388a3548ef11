"""Opens trouble tickets: by a customer, by staff on an account, and by itself for 911 that failed (domain.md §9)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import Account, User
from billing.models import Service
from support import mails, pace, writing
from support.attachments import File
from support.models import Ticket
from support.topics import Topic


@transaction.atomic
def open_for_customer(
    account: Account,
    *,
    category: str,
    subject: str,
    text: str,
    topic: Topic,
    token: UUID,
    now: datetime,
    attached: Sequence[File] = (),
) -> Ticket:
    """Open a ticket as its customer wrote it. The same form sent twice opens one. Raises TooManyMessages.

    Category Abuse is staff's: the form does not offer it, and PostgreSQL refuses it.
    """
    if known := _opened_by(account, token):
        return known
    pace.check(account, now=now)
    ticket = _create(
        account, now, category=category, subject=subject, service=topic.service, order=topic.order, charge=topic.charge
    )
    writing.by_customer(ticket, text=text, attached=attached, token=token, now=now)
    return ticket


@transaction.atomic
def open_by_staff(
    account: Account,
    *,
    category: str,
    subject: str,
    text: str,
    by: User,
    token: UUID,
    now: datetime,
    attached: Sequence[File] = (),
) -> Ticket:
    """Open a ticket on an account, which its customer is told of and answers. The same form sent twice opens one."""
    if known := _opened_by(account, token):
        return known
    ticket = _create(
        account,
        now,
        category=category,
        subject=subject,
        opened_by=Ticket.OpenedBy.STAFF,
        state=Ticket.State.WAITING_FOR_CUSTOMER,
        assignee=by,
    )
    writing.by_staff(ticket, text=text, by=by, attached=attached, token=token, now=now)
    mails.opened_by_staff(ticket)
    return ticket


def open_for_failed_911(*, now: datetime) -> int:
    """Open a ticket for staff about each 911 service that failed and has none; returns how many were opened.

    The failed service is the work: a run that is missed or doubled does no harm. A failure is known by its moment: the
    same address typed again is the same failure, and one that fails there once more is another.
    """
    known = Ticket.objects.filter(service=OuterRef("pk"), failed_at=OuterRef("failed_at"))
    failed = Service.objects.filter(~Exists(known), state=Service.State.FAILED).select_related("account", "address")
    return sum(_open_for_911(service, now) for service in failed.order_by("pk"))


@transaction.atomic
def _open_for_911(service: Service, now: datetime) -> bool:
    values = {
        "account": service.account,
        "category": Ticket.Category.E911,
        "subject": "911 is not active: the address was not accepted",
        "opened_by": Ticket.OpenedBy.PORTAL,
        "opened_at": now,
        "state_since": now,
    }
    ticket, is_new = Ticket.objects.get_or_create(service=service, failed_at=service.failed_at, defaults=values)
    if is_new:
        text = (
            f"The address for 911 was not accepted: {service.address}.\n{service.problem}\n\n"
            "Correct the address in the profile. If it is right as it is, answer here and say so."
        )
        writing.by_portal(ticket, text=text, now=now)
    return is_new


def _opened_by(account: Account, token: UUID) -> Ticket | None:
    """The ticket that this form has opened already. Until the transaction ends, no other form opens one here."""
    # Not so strongly that whatever names the account would wait too.
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    return Ticket.objects.filter(account=account, messages__token=token).first()


def _create(account: Account, now: datetime, **values: Any) -> Ticket:
    return Ticket.objects.create(account=account, opened_at=now, state_since=now, **values)
