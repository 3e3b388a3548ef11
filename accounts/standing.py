"""Whether an account is still open, as the database has it now: the page may have been opened before."""

from accounts.models import Account
from callcentric.errors import Refused


class AccountClosed(Refused):
    """Nothing can be done in a closed account."""


def check_open(account: Account) -> None:
    """Raises AccountClosed."""
    closed_on = Account.objects.values_list("closed_on", flat=True).get(pk=account.pk)
    if closed_on:
        raise AccountClosed(
            f"This account is closed since {closed_on:%-d %B %Y}. Nothing can be ordered or paid in it any more."
        )
