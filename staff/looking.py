"""Lets staff look at a customer's pages for half an hour, with a reason that the customer reads, and change nothing.

Who looks stays who they are: ``request.user`` is the member of staff, and ``request.account`` alone becomes the
customer's (staff/middleware.py). What is looked at lies in the session of the member of staff, so it ends with it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest

from accounts import audit_log
from accounts.models import Account, AuditEntry, User
from billing import ledger
from callcentric import clock
from callcentric.errors import Refused
from orders import cart

PERMISSION = "accounts.view_as_customer"
LASTS = timedelta(minutes=30)
SESSION_KEY = "looks_at"


class NotACustomer(Refused):
    """Only customers' pages are looked at."""


class LooksAlready(Refused):
    """Whoever looks at two customers at once takes one for the other."""


@dataclass(frozen=True)
class Look:
    """Whose pages are looked at, and when it ends by itself."""

    account: Account
    until: datetime


@transaction.atomic
def begin(account: Account, *, by: User, session: SessionBase, reason: str, now: datetime) -> Look:
    """Look at the pages of ``account`` from now on. Raises NoReason, NotACustomer or LooksAlready.

    It is in the audit log before the first page is shown, and on the customer's profile.
    """
    if account.user.is_staff:
        raise NotACustomer("This account is one of our staff's. Only customers' pages can be looked at.")
    if look := current(by=by, session=session, now=now):
        raise LooksAlready(f"You are looking at the pages of {look.account} already. Stop looking there first.")
    look = Look(account, now + LASTS)
    details = f"Until {look.until.astimezone(clock.BUSINESS_ZONE):%-I:%M %p}"
    audit_log.record(by=by, action=AuditEntry.Action.VIEW, reason=reason, account=account, details=details)
    # Most pages show the balance, which has a row from the first time that somebody looks.
    ledger.of(account)
    # What they chose as a visitor themselves would move into the customer's cart.
    session.pop(cart.SESSION_KEY, None)
    session[SESSION_KEY] = {"account": account.pk, "until": look.until.isoformat()}
    return look


def current(*, by: User, session: SessionBase, now: datetime) -> Look | None:
    """What is looked at now; None once the time is over, or whoever looks may not any more."""
    if SESSION_KEY not in session:
        return None
    until = datetime.fromisoformat(session[SESSION_KEY]["until"])
    if now >= until or not by.has_perm(PERMISSION):
        end(session)
        return None
    accounts = Account.objects.select_related("user", "billing_address", "service_address")
    return Look(accounts.get(pk=session[SESSION_KEY]["account"]), until)


def end(session: SessionBase) -> None:
    """Look no more."""
    session.pop(SESSION_KEY, None)


def in_the_admin(request: HttpRequest) -> list[str] | None:
    """What the admin says in its header as long as somebody looks at a customer's pages besides."""
    look: Look | None = getattr(request, "looking", None)
    return [f"Looking at {look.account.number}", "warning"] if look else None
