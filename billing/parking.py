"""Keeps an account whose figures do not add up out of the cycle until staff have looked at it."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import OuterRef, Subquery

from accounts import audit_log
from accounts.models import AuditEntry, User
from billing.models import Cycle, ParkedAccount


@transaction.atomic
def park(*, account_id: int, reason: str, now: datetime) -> None:
    """Park an account, once however often this is asked for; nothing is billed to it or cancelled until released."""
    # The cycles first, as whoever settles them has them.
    Cycle.objects.open().filter(account=account_id).update(state=Cycle.State.PARKED, problem=reason[:300], turn_at=None)
    ParkedAccount.objects.bulk_create(
        [ParkedAccount(account_id=account_id, reason=reason[:300], parked_at=now)], ignore_conflicts=True
    )


def catch_up(month: date) -> int:
    """Park the cycles of ``month`` that were planned at the very moment at which their account was parked."""
    parked = ParkedAccount.objects.open()
    reason = parked.filter(account=OuterRef("account")).values("reason")[:1]
    planned = Cycle.objects.open().filter(month=month, account__in=parked.values("account"))
    return planned.update(state=Cycle.State.PARKED, problem=Subquery(reason), turn_at=None)


@transaction.atomic
def release(parked: ParkedAccount, *, by: User, reason: str, now: datetime) -> bool:
    """Let the cycle have the account again; what was parked is tried once more. False where it was released before.

    Raises NoReason.
    """
    released = ParkedAccount.objects.open().filter(pk=parked.pk).update(released_at=now, released_by=by)
    if released:
        Cycle.objects.filter(account=parked.account_id, state=Cycle.State.PARKED).update(
            state=Cycle.State.PLANNED, problem="", attempted_on=None
        )
        audit_log.record(
            by=by,
            action=AuditEntry.Action.PARKING,
            account=parked.account,
            reason=reason,
            details=f"Released. It was parked: {parked.reason}",
        )
    return bool(released)
