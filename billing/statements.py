"""Makes the monthly statements: what moved each balance in a month, from where the statement before ended."""

from datetime import date, datetime, time, timedelta

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
    made, beyond = 0, 0
    while beyond is not None:
        more, beyond = _make_chunk(values | {"beyond": beyond})
        made += more
    return made


@transaction.atomic
def _make_chunk(values: dict[str, object]) -> tuple[int, int | None]:
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


# Every movement of a customer's ledger account, as a change of its balance. ``{}`` is where, by side.
_MOVEMENTS = """
    SELECT id, -amount AS change, source_balance AS balance, made_at FROM billing_transfer
    WHERE source_id = customer.id {where}
    UNION ALL
    SELECT id, amount, target_balance, made_at FROM billing_transfer
    WHERE target_id = customer.id {where}
"""


def _last_movement(before: str) -> str:
    """The customer's last transfer made before a time, by one step down the index of each side."""
    side = """
        (SELECT id, {balance} AS balance FROM billing_transfer
         WHERE {side} = customer.id AND made_at < {before} ORDER BY id DESC LIMIT 1)
    """
    out = side.format(balance="source_balance", side="source_id", before=before)
    into = side.format(balance="target_balance", side="target_id", before=before)
    return f"SELECT * FROM ({out} UNION ALL {into}) movement ORDER BY id DESC LIMIT 1"


_STATEMENT_BEFORE = """
    SELECT month, closing, through FROM billing_statement
    WHERE account_id = customer.account_id ORDER BY month DESC LIMIT 1
"""

# Later ones too: what came before a statement that there is belongs to nobody else's.
_LACKS_ONE = """
    NOT EXISTS (SELECT FROM billing_statement made WHERE made.account_id = customer.account_id AND made.month >= %(month)s)
    AND NOT EXISTS (
        SELECT FROM billing_parkedaccount parked
        WHERE parked.account_id = customer.account_id AND parked.released_at IS NULL
    )
"""

_EARLIEST = f"""
SELECT min(
    CASE WHEN before.closing > 0 THEN before.month + interval '1 month' ELSE greatest(
        date_trunc('month', moved.first_at AT TIME ZONE '{clock.BUSINESS_ZONE.key}'), before.month + interval '1 month'
    ) END
)::date
FROM billing_ledgeraccount customer
LEFT JOIN LATERAL ({_STATEMENT_BEFORE}) before ON true
CROSS JOIN LATERAL (
    SELECT min(made_at) AS first_at
    FROM ({_MOVEMENTS.format(where="AND id > coalesce(before.through, 0) AND made_at < %(ends)s")}) movement
) moved
WHERE customer.kind = 'customer' AND {_LACKS_ONE} AND (before.closing > 0 OR moved.first_at IS NOT NULL)
"""

_MAKE = f"""
WITH seen AS MATERIALIZED (
    SELECT id, account_id, balance FROM billing_ledgeraccount
    WHERE kind = 'customer' AND id > %(beyond)s ORDER BY id LIMIT %(chunk)s
), due AS (
    SELECT customer.*, coalesce(before.through, earlier.id, 0) AS after,
        coalesce(before.closing, earlier.balance, 0.0000) AS opening, last.id AS through, last.balance AS left_then
    FROM seen customer
    LEFT JOIN LATERAL ({_STATEMENT_BEFORE}) before ON true
    LEFT JOIN LATERAL ({_last_movement("%(begins)s")}) earlier ON before.through IS NULL
    JOIN LATERAL ({_last_movement("%(ends)s")}) last ON true
    WHERE {_LACKS_ONE}
), counted AS (
    SELECT customer.*, customer.opening + moved.change AS closing, moved.change AS change, later.change AS later
    FROM due customer
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(change), 0) AS change
        FROM ({_MOVEMENTS.format(where="AND id > customer.after AND id <= customer.through")}) movement
    ) moved
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(change), 0) AS change
        FROM ({_MOVEMENTS.format(where="AND id > customer.through")}) movement
    ) later
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
