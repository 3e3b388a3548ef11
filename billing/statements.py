"""Makes the monthly statements: what moved each balance in a month, from where the statement before ended."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from billing import months
from callcentric import clock

# Accounts that are looked at in one transaction.
CHUNK = 2000
# On the 1st only after this hour, so that what was begun before midnight is in the ledger.
READY_AT = time(2)
# Numbers are given out under this lock. Nothing that moves money takes it.
_LOCK = 20_270_101


class MonthNotOver(Exception):
    """A statement was asked for a month in which money may still move: a defect of ours."""


def make_due(*, now: datetime) -> int:
    """Make every statement that is missing at ``now``, oldest month first; returns how many were made."""
    return sum(make_all(month=month, now=now) for month in due(now=now))


def due(*, now: datetime) -> list[date]:
    """The months that lack a statement of some account, oldest first; the month just over from the 1st, 02:00 on.

    A beat that was away for months, or an account that staff have released, is caught up with month by month, so that
    each statement begins where the one before it ended.
    """
    last = _last_month(now)
    with connection.cursor() as cursor:
        cursor.execute(_EARLIEST, {"month": last, "ends": months.begins_at(months.next_month(last))})
        earliest = cursor.fetchone()[0]
    return months.between(earliest, last) if earliest else []


def make_all(*, month: date, now: datetime) -> int:
    """Make the statements of ``month`` (its first day) that are missing; returns how many were made.

    1. An account gets one where money moved in the month or there was some at its beginning. The statement begins
       where the one before ended, and ends with the last transfer that was made in the month, as the ledger took them.
    2. Its opening balance and what moved must make its closing balance, the closing balance must be what the ledger
       said was left then, and with what moved since it must make the balance that is there now.
    3. An account for which this does not hold gets none and is parked for staff; everybody else goes on.
    4. Numbers run on from the highest, under a lock, a chunk at a time.

    Safe to run again, and several times at once: who comes second finds nothing missing. Raises MonthNotOver.
    """
    ends = months.begins_at(months.next_month(month))
    if now < ends:
        raise MonthNotOver(f"{month:%B %Y} is not over at {now}.")
    values = {
        "month": month,
        "begins": months.begins_at(month),
        "ends": ends,
        "now": now,
        "called": f"{month:%B %Y}",
        "chunk": CHUNK,
    }
    made = 0
    beyond: int | None = 0
    while beyond is not None:
        more, beyond = _make_chunk(values | {"beyond": beyond})
        made += more
    return made


@transaction.atomic
def _make_chunk(values: dict[str, Any]) -> tuple[int, int | None]:
    """How many statements were made for the accounts beyond one, and the last of these accounts; None after all."""
    with connection.cursor() as cursor:
        # Apart from what follows, which must see what whoever had the lock has made.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_MAKE, values)
        made, last = cursor.fetchone()
    return made, last


def _last_month(now: datetime) -> date:
    """The last month whose statements may be made."""
    local = now.astimezone(clock.BUSINESS_ZONE)
    ready = local - timedelta(days=1) if local.day == 1 and local.time() < READY_AT else local
    return months.month_before(ready.date())


# Every movement of a customer's ledger account, as a change of its balance.
_MOVEMENTS = """
    SELECT -amount AS change, made_at FROM billing_transfer WHERE source_id = customer.id AND {which}
    UNION ALL
    SELECT amount, made_at FROM billing_transfer WHERE target_id = customer.id AND {which}
"""
# The last of them made before a time, by a step down the index of each side, and the balance that it left.
_LAST_MOVEMENT = """
    SELECT * FROM (
        (SELECT id, source_balance AS balance FROM billing_transfer
         WHERE source_id = customer.id AND made_at < {before} ORDER BY id DESC LIMIT 1)
        UNION ALL
        (SELECT id, target_balance FROM billing_transfer
         WHERE target_id = customer.id AND made_at < {before} ORDER BY id DESC LIMIT 1)
    ) movement
    ORDER BY id DESC LIMIT 1
"""
_STATEMENT_BEFORE = """
    SELECT month, closing, through FROM billing_statement
    WHERE account_id = customer.account_id ORDER BY month DESC LIMIT 1
"""

# Nor a later one: a month that was left out before a statement cannot get one any more.
_LACKS_ONE = """
    NOT EXISTS (
        SELECT FROM billing_statement made
        WHERE made.account_id = customer.account_id AND made.month >= %(month)s
    ) AND NOT EXISTS (
        SELECT FROM billing_parkedaccount parked
        WHERE parked.account_id = customer.account_id AND parked.released_at IS NULL
    )
"""

_EARLIEST_OF = """
SELECT min(
    CASE WHEN before.closing > 0 THEN before.month + interval '1 month' ELSE greatest(
        date_trunc('month', moved.first_at AT TIME ZONE '{zone}'), before.month + interval '1 month'
    ) END
)::date
FROM billing_ledgeraccount customer
LEFT JOIN LATERAL ({statement_before}) before ON true
CROSS JOIN LATERAL (SELECT min(made_at) AS first_at FROM ({new_movements}) movement) moved
WHERE customer.kind = 'customer' AND {lacks_one} AND (before.closing > 0 OR moved.first_at IS NOT NULL)
"""
_EARLIEST = _EARLIEST_OF.format(
    statement_before=_STATEMENT_BEFORE,
    lacks_one=_LACKS_ONE,
    new_movements=_MOVEMENTS.format(which="id > coalesce(before.through, 0) AND made_at < %(ends)s"),
    zone=clock.BUSINESS_ZONE.key,
)

_MAKE_OF = """
WITH seen AS MATERIALIZED (
    SELECT id, account_id, balance FROM billing_ledgeraccount
    WHERE kind = 'customer' AND id > %(beyond)s ORDER BY id LIMIT %(chunk)s
), due AS (
    SELECT customer.*, coalesce(before.through, earlier.id, 0) AS after,
        coalesce(before.closing, earlier.balance, 0.0000) AS opening, last.id AS through, last.balance AS left_then
    FROM seen customer
    LEFT JOIN LATERAL ({statement_before}) before ON true
    LEFT JOIN LATERAL ({last_before}) earlier ON before.through IS NULL
    JOIN LATERAL ({last_of_month}) last ON true
    WHERE {lacks_one}
), counted AS (
    SELECT customer.*, customer.opening + moved.change AS closing, moved.change AS change, later.change AS later
    FROM due customer
    CROSS JOIN LATERAL (SELECT coalesce(sum(change), 0) AS change FROM ({of_statement}) movement) moved
    CROSS JOIN LATERAL (SELECT coalesce(sum(change), 0) AS change FROM ({since_then}) movement) later
    WHERE customer.through > customer.after OR customer.opening <> 0
), judged AS (
    SELECT *, coalesce(closing = left_then AND closing + later = balance AND opening >= 0 AND closing >= 0, false)
        AS holds
    FROM counted
), parked AS (
    INSERT INTO billing_parkedaccount (account_id, reason, parked_at)
    SELECT account_id, format(
        'Statement of %%s: it began with %%s, %%s moved, which makes %%s, and the ledger says %%s was left. '
        'Since then %%s moved, and the balance is %%s.',
        %(called)s::text, opening, change, closing, left_then, later, balance
    ), %(now)s
    FROM judged WHERE NOT holds
    ON CONFLICT DO NOTHING
), made AS (
    INSERT INTO billing_statement
        (account_id, month, number, opening, closing, after, through, billing_address_id, made_at)
    SELECT judged.account_id, %(month)s, numbered.highest + row_number() OVER (ORDER BY judged.id),
        opening, closing, after, through, account.billing_address_id, %(now)s
    FROM judged
    JOIN accounts_account account ON account.id = judged.account_id
    CROSS JOIN (SELECT coalesce(max(number), 0) AS highest FROM billing_statement) numbered
    WHERE holds
    RETURNING id
)
SELECT (SELECT count(*) FROM made), (SELECT max(id) FROM seen)
"""
_MAKE = _MAKE_OF.format(
    statement_before=_STATEMENT_BEFORE,
    lacks_one=_LACKS_ONE,
    last_before=_LAST_MOVEMENT.format(before="%(begins)s"),
    last_of_month=_LAST_MOVEMENT.format(before="%(ends)s"),
    of_statement=_MOVEMENTS.format(which="id > customer.after AND id <= customer.through"),
    since_then=_MOVEMENTS.format(which="id > customer.through"),
)
