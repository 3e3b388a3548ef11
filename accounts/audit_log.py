"""Writes down what staff did, who and why (domain.md §9 and §11): the only code that writes the audit log."""

from accounts.models import Account, AuditEntry, User
from callcentric.errors import Refused


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
