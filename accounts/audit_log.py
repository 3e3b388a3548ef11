"""Writes down what staff did, who and why (domain.md §9 and §11): the only code that writes the audit log."""

from datetime import datetime, timedelta

from accounts.models import Account, AuditEntry, User
from callcentric.errors import Refused

# How far back, and how many at most, customers are told that staff looked at their pages.
TOLD_FOR = timedelta(days=365)
TOLD_AT_MOST = 20


class NoReason(Refused):
    """Nothing that is written down is done without saying why."""


def record(
    *,
    by: User,
    action: AuditEntry.Action,
    reason: str,
    account: Account | None = None,
    user: User | None = None,
    details: str = "",
) -> AuditEntry:
    """One entry, in the transaction of the deed itself. Raises NoReason."""
    if not reason.strip():
        raise NoReason("Say why: the reason is kept in the audit log.")
    return AuditEntry.objects.create(
        by=by, action=action, reason=reason.strip(), account=account, user=user, details=details
    )


def looks_at(account: Account, *, now: datetime) -> list[AuditEntry]:
    """When staff looked at the pages of ``account``, and why; what its customer reads, the newest first."""
    looks = AuditEntry.objects.filter(account=account, action=AuditEntry.Action.VIEW, done_at__gte=now - TOLD_FOR)
    return list(looks.order_by("-done_at", "-pk")[:TOLD_AT_MOST])
