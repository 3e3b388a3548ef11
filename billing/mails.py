"""E-mails about money, queued as rows in the transaction that causes them."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from post_office import mail

from billing.models import Payment


def payment_needs_customer(payment: Payment) -> None:
    """Ask the customer to confirm a payment that the bank does not make without that."""
    context = {
        "payment": payment,
        "link": settings.SITE_URL + reverse("payment", args=[payment.token]),
        "OPERATOR": settings.OPERATOR,
    }
    mail.send(
        payment.account.user.email,
        settings.DEFAULT_FROM_EMAIL,
        subject=f"Your bank asks you to confirm a payment to {settings.OPERATOR}",
        message=render_to_string("billing/emails/payment_needs_customer.txt", context),
    )
