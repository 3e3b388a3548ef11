"""Keeps one customer from filling the database with messages and files."""

from datetime import datetime, timedelta

from accounts.models import Account
from callcentric.errors import Refused
from support.models import Message

MESSAGES_AN_HOUR = 30


class TooManyMessages(Refused):
    """So many within an hour that nobody wrote them by hand."""


def check(account: Account, *, now: datetime) -> None:
    """Raises TooManyMessages where the customer has written thirty within the last hour."""
    written = Message.objects.filter(ticket__account=account, author=Message.Author.CUSTOMER, is_event=False)
    if written.filter(written_at__gt=now - timedelta(hours=1)).count() >= MESSAGES_AN_HOUR:
        raise TooManyMessages(
            f"You have written {MESSAGES_AN_HOUR} messages within an hour, and we take no more now. "
            "Put what is missing into one message, and send it a little later."
        )
