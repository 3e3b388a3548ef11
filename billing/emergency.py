"""Confirms 911 for an account: until then it is not active, and the customer is told so everywhere (domain.md §2)."""

from datetime import datetime

from django.db import transaction

from billing import mails
from billing.models import Service
from catalog.models import Product


@transaction.atomic
def confirm(service: Service, *, now: datetime) -> bool:
    """Make a pending 911 service active and e-mail its customer; False when there was nothing to confirm."""
    pending = Service.objects.filter(pk=service.pk, kind=Product.Kind.E911, state=Service.State.PENDING)
    confirmed = pending.update(state=Service.State.ACTIVE, confirmed_at=now)
    if confirmed:
        mails.emergency_confirmed(service)
    return bool(confirmed)
