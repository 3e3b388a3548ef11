"""Keeps an account whose figures do not add up out of the cycle until staff have looked at it."""

from datetime import datetime

from django.db import transaction

from accounts.models import Account, User
from billing.models import Cycle, ParkedAccount


@transaction.atomic
def park(*, account_id: int, reason: str, now: datetime) -> None:
    """Park an account, once however often this is asked for; nothing is billed to it or cancelled until released."""
    # The cycles first, as whoever settles them has them.
    Cycle.objects.open().filter(account=account_id).update(state=Cycle.State.PARKED, problem=reason[:300], turn_at=None)
    ParkedAccount.objects.bulk_create(
        [ParkedAccount(account_id=account_id, reason=reason[:300], parked_at=now)], ignore_conflicts=True
    )


@transaction.atomic
def release(parked: ParkedAccount, *, by: User, now: datetime) -> bool:
    """Let the cycle have the account again; what was parked is tried once more. False where it was released before."""
    released = ParkedAccount.objects.open().filter(pk=parked.pk).update(released_at=now, released_by=by)
    if released:
        Cycle.objects.filter(account=parked.account_id, state=Cycle.State.PARKED).update(
            state=Cycle.State.PLANNED, problem="", attempted_on=None
        )
    return bool(released)


def account_is_parked(account: Account) -> bool:
    return ParkedAccount.objects.open().filter(account=account).exists()
