"""Finds whom a typed login name means: a username, a 1777 number or an e-mail address."""

from allauth.account.models import EmailAddress
from django.db.models import Q

from accounts.models import User
from accounts.validators import account_number_from


def find_user(typed: str) -> User | None:
    """The user whom ``typed`` names, however a 1777 number is punctuated; None if there is none."""
    number = account_number_from(typed)
    if number:
        return User.objects.filter(account__number=number).first()
    if "@" in typed:
        return _owner_of(typed)
    return User.objects.filter(username=typed.lower()).first()


def one_name(typed: str) -> str:
    """One name for all the names of a user, to count failed logins under. Unknown names are their own."""
    user = find_user(typed)
    return user.username if user else account_number_from(typed) or typed.lower()


def _owner_of(email: str) -> User | None:
    """Who confirmed ``email``; where nobody did, the first who signed up with it.

    So whoever signs up with somebody else's address gets nothing by it: neither their logins nor their
    failures. An address that a user has asked to change to counts for nothing before it is confirmed.
    """
    addresses = EmailAddress.objects.filter(Q(verified=True) | Q(primary=True), email=email.lower())
    address = addresses.select_related("user").order_by("-verified", "pk").first()
    return address.user if address else None
