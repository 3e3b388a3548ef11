"""Opens trouble tickets."""

from datetime import datetime

from django.db.models import Exists, OuterRef

from billing.models import Service
from support.models import Ticket


def open_for_failed_911(*, now: datetime) -> int:
    """Open a ticket for staff about each 911 service that failed and has none; returns how many were opened.

    The failed service is the work: a run that is missed or doubled does no harm. A failure is known by its moment: the
    same address typed again is the same failure, and one that fails there once more is another.
    """
    known = Ticket.objects.filter(service=OuterRef("pk"), failed_at=OuterRef("failed_at"))
    failed = Service.objects.filter(~Exists(known), state=Service.State.FAILED).select_related("account", "address")
    return sum(_open(service, now) for service in failed.order_by("pk"))


def _open(service: Service, now: datetime) -> bool:
    values = {
        "account": service.account,
        "category": Ticket.Category.E911,
        "subject": "911 is not active: the address was not accepted",
        "text": f"Address: {service.address}\nThe customer was told: {service.problem}",
        "opened_at": now,
    }
    return Ticket.objects.get_or_create(service=service, failed_at=service.failed_at, defaults=values)[1]
