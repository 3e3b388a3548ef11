"""Writes e-mails to customers: rows in the sender's own transaction, which a task sends (design.md §2)."""

from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from post_office import mail
from post_office.tasks import send_queued_mail

from accounts.models import Account


def write(account: Account, *, subject: str, template: str, **context: Any) -> None:
    """Queue an e-mail in plain text to the account's address; it goes out when the transaction is committed."""
    mail.send(
        account.user.email,
        settings.DEFAULT_FROM_EMAIL,
        subject=subject,
        message=render_to_string(template, {"account": account, "OPERATOR": settings.OPERATOR, **context}),
    )


def wake_sender(**signal: Any) -> None:
    """Send what is queued once the transaction is committed.

    Robust: what was done is done, and where the broker is away the beat's sweep sends the e-mail.
    """
    transaction.on_commit(send_queued_mail.delay, robust=True)
