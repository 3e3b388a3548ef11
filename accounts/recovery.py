"""Reminds people of their usernames, by e-mail."""

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.db.models import Q


def remind_of_usernames(*, email: str) -> None:
    """Write to ``email`` which accounts have it as their address; nothing happens where none has."""
    addresses = EmailAddress.objects.filter(Q(verified=True) | Q(primary=True), email=email.lower())
    addresses = addresses.filter(user__account__isnull=False).select_related("user__account").order_by("pk")
    found = list(addresses)
    if found:
        get_adapter().send_mail("account/email/username_reminder", found[0].email, {"addresses": found})
