"""Writes e-mails to customers: rows in the sender's own transaction, which a task sends (design.md §2)."""

from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from post_office import mail

from accounts.models import Account


def write(account: Account, *, subject: str, template: str, **context: Any) -> None:
    """Queue an e-mail in plain text to the account's address; it goes out when the transaction is committed."""
    mail.send(
        account.user.email,
        settings.DEFAULT_FROM_EMAIL,
        subject=subject,
        message=render_to_string(template, {"account": account, "OPERATOR": settings.OPERATOR, **context}),
    )
