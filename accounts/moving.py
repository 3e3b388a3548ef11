"""Moves a customer to another service address, and what depends on it along with them (domain.md §2)."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from accounts.models import Account, Address


@transaction.atomic
def serve_at(account: Account, address: Address, *, now: datetime) -> None:
    """Make ``address`` the service address from now on.

    The only way to change it, so that 911 is never forgotten: what follows the address stands to the right of
    accounts, so the settings name it.
    """
    account.service_address = address
    account.save(update_fields=["service_address"])
    import_string(settings.SERVICE_ADDRESS_CHANGED)(account, now=now)
