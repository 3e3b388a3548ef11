"""Confirms 911 for an account: until then it is not active, and the customer is told so everywhere (domain.md §2)."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from post_office import mail

from billing.models import Service
from catalog.models import Product


def confirm(service: Service, *, now: datetime) -> bool:
    """Make a pending 911 service active and e-mail its customer; False when there was nothing to confirm."""
    with transaction.atomic():
        confirmed = Service.objects.filter(pk=service.pk, kind=Product.Kind.E911, state=Service.State.PENDING).update(
            state=Service.State.ACTIVE, confirmed_at=now
        )
        if confirmed:
            context = {"account": service.account, "address": service.address, "OPERATOR": settings.OPERATOR}
            mail.send(
                service.account.user.email,
                settings.DEFAULT_FROM_EMAIL,
                subject="Your 911 service is active",
                message=render_to_string("billing/emails/emergency_confirmed.txt", context),
            )
    return bool(confirmed)
