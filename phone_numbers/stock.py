"""Moves a number from state to state: held for a cart, assigned, kept for its last holder, back in stock.

Each step is one conditional UPDATE that says which state it starts from, so of two that want the same number one finds
nothing left to change. What must never happen is refused by the database itself (see PhoneNumber).
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When

from accounts.models import Account
from callcentric.errors import Refused
from phone_numbers.models import PhoneNumber, RateCenter
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER

State = PhoneNumber.State
# A cart that shows a number has it for so long (domain.md §5).
HELD_FOR = timedelta(minutes=15)
IN_STOCK: dict[str, Any] = {"state": State.IN_STOCK, "held_by": None, "held_until": None}


class NumberTaken(Refused):
    """The number is somebody else's now, or no longer in stock."""


def hold(number: PhoneNumber, *, token: UUID, now: datetime) -> None:
    """Hold this very number for the cart's line ``token``, for 15 minutes from ``now``; again, if it is held for it.

    Raises NumberTaken where it is not free.
    """
    free = PhoneNumber.objects.free_for(token, now).filter(pk=number.pk)
    if not free.update(state=State.HELD, held_by=token, held_until=now + HELD_FOR):
        raise NumberTaken(f"{number.national} was taken just now. Choose another number.")


def hold_any(rate_center: RateCenter, *, token: UUID, now: datetime) -> PhoneNumber | None:
    """Hold a free number of this place for the cart's line ``token``; None where there is none.

    Of many who ask at once each gets another one, and nobody waits (SKIP LOCKED).
    """
    found = PhoneNumber.objects.raw(
        HOLD_ANY, {"rate_center": rate_center.pk, "token": token, "now": now, "until": now + HELD_FOR}
    )
    return next(iter(found), None)


HOLD_ANY = """
UPDATE phone_numbers_phonenumber SET state = 'held', held_by = %(token)s, held_until = %(until)s
WHERE id = (
    SELECT id FROM phone_numbers_phonenumber
    WHERE rate_center_id = %(rate_center)s
        AND (state = 'in_stock' OR state = 'held' AND held_until <= %(now)s)
        -- Said again for the planner: what the index number_free_here holds.
        AND state IN ('in_stock', 'held')
    ORDER BY digits LIMIT 1
    -- Not FOR UPDATE: a row that somebody only refers to is free to be taken.
    FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING *
"""


@transaction.atomic
def let_go(tokens: Collection[UUID]) -> int:
    """Put what is held for these lines of carts back into stock; returns how many numbers that were."""
    held = PhoneNumber.objects.filter(state=State.HELD, held_by__in=tokens)
    return _locked(held, skip=False).update(**IN_STOCK)


@transaction.atomic
def end_holds(*, now: datetime) -> int:
    """Put numbers whose 15 minutes are over back into stock, so that they are counted; they were free already."""
    over = PhoneNumber.objects.filter(state=State.HELD, held_until__lte=now)
    return _locked(over, skip=True).update(**IN_STOCK)


def assign(number: PhoneNumber, *, account: Account, token: UUID | None, now: datetime) -> None:
    """Give a number to its new holder: one held under ``token``, or one that is free. Raises NumberTaken."""
    free = PhoneNumber.objects.free_for(token, now).filter(pk=number.pk)
    if not free.update(state=State.ASSIGNED, holder=account, held_by=None, held_until=None):
        raise NumberTaken(f"{number.national} is no longer free. Choose another number.")


def disconnect(number: PhoneNumber, *, holder: Account, on: date) -> bool:
    """End ``holder``'s service with the number on the business date ``on``: it is kept for them for 45 days.

    False where it is not theirs, or not any more.
    """
    theirs = PhoneNumber.objects.filter(pk=number.pk, state=State.ASSIGNED, holder=holder)
    return bool(theirs.update(state=State.KEPT, holder=None, last_holder=holder, disconnected_on=on))


def reclaim(number: PhoneNumber, *, account: Account, today: date) -> None:
    """Give a kept number back to its last holder, within the 45 days (domain.md §7). Raises NumberTaken."""
    kept = PhoneNumber.objects.kept_for(account, today).filter(pk=number.pk)
    if not kept.update(state=State.ASSIGNED, holder=account):
        raise NumberTaken(f"{number.national} can no longer be given back to you.")


@transaction.atomic
def return_to_stock(*, today: date) -> int:
    """Put numbers whose 45 days are over on ``today`` back into stock; returns how many."""
    due = PhoneNumber.objects.due_back(today)
    return _locked(due, skip=True).update(state=State.IN_STOCK, in_stock_since=today)


@transaction.atomic
def take_out(numbers: QuerySet[PhoneNumber], *, note: str) -> int:
    """Take numbers out of service that nobody has; a cart that holds one loses it. Returns how many.

    One that is being ordered at this very moment stays.
    """
    nobodys = numbers.filter(state__in=[State.IN_STOCK, State.HELD, State.KEPT])
    return _locked(nobodys, skip=True).update(state=State.OUT, held_by=None, held_until=None, note=note)


@transaction.atomic
def put_back(numbers: QuerySet[PhoneNumber], *, today: date) -> int:
    """Bring numbers back into service: into stock, or to be kept until their 45 days are over. Returns how many."""
    kept = {"disconnected_on__gt": today - KEPT_FOR_LAST_HOLDER}
    return _locked(numbers.filter(state=State.OUT), skip=True).update(
        state=Case(When(**kept, then=Value(State.KEPT)), default=Value(State.IN_STOCK)),
        in_stock_since=Case(When(**kept, then=F("in_stock_since")), default=Value(today)),
        note="",
    )


def _locked(numbers: QuerySet[PhoneNumber], *, skip: bool) -> QuerySet[PhoneNumber]:
    """These rows, to be changed together: each is locked first, in one order, so that two never wait in a circle.

    Jobs ``skip`` what somebody else has just locked: an order comes first, and the next run finds what is left.
    """
    ids = numbers.order_by("pk").select_for_update(no_key=True, skip_locked=skip).values("pk")
    return PhoneNumber.objects.filter(pk__in=ids)


def count_up() -> int:
    """Add what has changed to the count of each place, so that reading it stays quick; returns how many places."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UP)
        return cursor.rowcount


# The place is locked first: of two that run at once, one counts it and the other leaves it alone.
COUNT_UP = """
WITH places AS (
    SELECT id FROM phone_numbers_ratecenter
    WHERE id IN (SELECT rate_center_id FROM phone_numbers_stockchange)
    FOR NO KEY UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM phone_numbers_stockchange USING places WHERE rate_center_id = places.id
    RETURNING rate_center_id, change
), summed AS (
    SELECT rate_center_id, sum(change) AS change FROM gone GROUP BY rate_center_id
)
UPDATE phone_numbers_ratecenter SET counted = counted + summed.change
FROM summed WHERE phone_numbers_ratecenter.id = summed.rate_center_id
"""
