"""Settles the renewals of many accounts at once: in one transaction and one statement for each thousands of them.

Whoever settles has the cycle's rows, then the services, then the ledger accounts locked (design.md §2), in the order of
their keys; only then it looks. So what it sees is what it changes, and of two that run at once each finds other rows.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import structlog
from django.db import DataError, IntegrityError, connection, transaction

from billing import ledger, months, parking
from billing.due import DECIDED, DUE, facts_of, plan_for_many
from billing.ledger_sql import CHARGE_MANY
from billing.models import Cycle

log = structlog.get_logger(__name__)

# Cards are charged one after the other at this pace, whoever hands them on (Stripe allows more).
CARDS_A_SECOND = 20
# Any number that nothing else locks: turns are given by one at a time.
_TURNS = 7_202_701

NO_MEANS = "The balance does not cover it, and there is no valid card to charge."
NO_PRICE = "A service has no price for this month."

# A row a month for each who owes something. One that was settled opens again when something has come to be due since.
_PLAN = f"""
WITH {DUE}
INSERT INTO billing_cycle (account_id, month, part, state, net, tax, problem, told)
SELECT due.account_id, %(month)s, 1, CASE WHEN parked.id IS NULL THEN 'planned' ELSE 'parked' END, 0, 0,
    coalesce(parked.reason, ''), ''
FROM (SELECT DISTINCT account_id FROM due) due
LEFT JOIN billing_parkedaccount parked ON parked.account_id = due.account_id AND parked.released_at IS NULL
LEFT JOIN billing_cycle known ON known.account_id = due.account_id AND known.month = %(month)s
WHERE known.id IS NULL OR known.state = 'settled' OR known.cancelled_on IS NOT NULL
ORDER BY due.account_id
ON CONFLICT (month, account_id) DO UPDATE SET state = excluded.state, part = billing_cycle.part + 1,
    problem = excluded.problem, told = '', told_on = NULL, attempted_on = NULL, cancelled_on = NULL, payment_id = NULL,
    turn_at = NULL
WHERE billing_cycle.state = 'settled' OR billing_cycle.cancelled_on IS NOT NULL
"""  # noqa: S608 (nothing in it comes from outside)

_LOCK_CYCLES = """
SELECT account_id FROM billing_cycle
WHERE month = %(month)s AND account_id = ANY(%(accounts)s)
    AND state IN ('planned', 'failed') AND cancelled_on IS NULL
    AND NOT EXISTS (
        SELECT FROM billing_parkedaccount parked
        WHERE parked.account_id = billing_cycle.account_id AND parked.released_at IS NULL
    )
    AND (%(balance_alone)s OR turn_at IS NULL AND attempted_on IS DISTINCT FROM %(today)s)
ORDER BY account_id FOR NO KEY UPDATE SKIP LOCKED
"""
_LOCK_SERVICES = """
SELECT id FROM billing_service WHERE account_id = ANY(%(accounts)s) AND state <> 'cancelled'
ORDER BY id FOR NO KEY UPDATE
"""

_SETTLE = f"""
WITH {DUE}, {DECIDED}, payable AS MATERIALIZED (
    SELECT decided.account_id, agent_id, ledger_id, balance, decided.net, decided.tax, cycle.part,
        %(memo)s::text AS memo,
        'renewal:' || decided.account_id || ':' || to_char(%(month)s::date, 'YYYY-MM') || ':' || cycle.part AS key
    FROM decided JOIN billing_cycle cycle
        ON cycle.account_id = decided.account_id AND cycle.account_id = ANY(%(accounts)s) AND cycle.month = %(month)s
    WHERE fate = 'balance'
), {CHARGE_MANY}, invoiced AS (
    INSERT INTO billing_invoice (account_id, month, part, net, tax, issued_at)
    SELECT account_id, %(month)s, part, net, tax, %(now)s FROM payable
    RETURNING id, account_id
), lined AS (
    INSERT INTO billing_invoiceline (invoice_id, service_id, month, amount)
    SELECT invoiced.id, due.service_id, %(month)s, due.amount FROM due JOIN invoiced USING (account_id)
), paid AS (
    UPDATE billing_service SET paid_until = %(paid_until)s,
        fee_paid_until = CASE WHEN due.kind = 'e911' AND due.amount > 0 THEN %(paid_until)s ELSE fee_paid_until END
    FROM due JOIN payable USING (account_id)
    WHERE billing_service.id = due.service_id AND billing_service.account_id = ANY(%(accounts)s)
), settled AS (
    UPDATE billing_cycle SET state = 'settled', settled_at = %(now)s, attempted_on = %(today)s, problem = '',
        net = payable.net, tax = payable.tax, turn_at = NULL
    FROM payable WHERE billing_cycle.account_id = payable.account_id AND month = %(month)s
        AND billing_cycle.account_id = ANY(%(accounts)s)
), failed AS (
    UPDATE billing_cycle SET state = CASE fate WHEN 'parked' THEN 'parked' ELSE 'failed' END, turn_at = NULL,
        net = decided.net, tax = decided.tax, attempted_on = %(today)s,
        problem = CASE WHEN fate = 'parked' THEN %(no_price)s WHEN %(problem)s <> '' THEN %(problem)s
            WHEN %(balance_alone)s AND billing_cycle.problem <> '' THEN billing_cycle.problem
            ELSE %(no_means)s END
    FROM decided WHERE billing_cycle.account_id = decided.account_id AND month = %(month)s
        AND (fate = 'fail' OR fate = 'parked')
), idle AS (
    -- What was planned and has ended since.
    UPDATE billing_cycle SET state = 'settled', settled_at = %(now)s, net = 0, tax = 0, problem = '', turn_at = NULL
    WHERE month = %(month)s AND account_id = ANY(%(accounts)s)
        AND NOT EXISTS (SELECT FROM decided WHERE decided.account_id = billing_cycle.account_id)
), given AS (
    UPDATE billing_cycle SET net = decided.net, tax = decided.tax
    FROM decided WHERE billing_cycle.account_id = decided.account_id AND month = %(month)s AND fate = 'card'
)
SELECT account_id, fate, 0 FROM decided
-- And what each agent has earned, by its ledger account.
UNION ALL SELECT target_id, '', sum(amount) FROM commissioned GROUP BY target_id
"""  # noqa: S608 (nothing in it comes from outside)

_GIVE_TURNS = """
WITH last AS (
    -- None of tomorrow: development may have moved the clock there and back.
    SELECT greatest(%(now)s, max(turn_at)) AS at FROM billing_cycle WHERE turn_at < %(now)s + interval '1 day'
), waiting AS (
    SELECT id, row_number() OVER (ORDER BY account_id) AS place
    FROM billing_cycle WHERE month = %(month)s AND account_id = ANY(%(accounts)s)
)
UPDATE billing_cycle SET turn_at = last.at + waiting.place * interval '1 second' / %(cards_a_second)s
FROM last, waiting WHERE billing_cycle.id = waiting.id
"""


@transaction.atomic
def plan(accounts: Sequence[int], *, month: date) -> int:
    """Open the cycle of each of ``accounts`` that owes something for ``month``; returns how many were opened."""
    with connection.cursor() as cursor:
        cursor.execute(_PLAN, {"accounts": list(accounts), "month": month})
        return cursor.rowcount


@transaction.atomic
def settle(
    accounts: Sequence[int],
    *,
    month: date,
    today: date,
    now: datetime,
    balance_alone: bool = False,
    problem: str = "",
) -> Counter[str]:
    """Settle the open cycles of ``accounts`` that their balance covers; returns how many met which fate.

    Those whose card pays get their turn at Stripe, and the rest have failed for today, because of ``problem``: without
    one, because nothing pays. What was tried today is left alone, unless ``balance_alone`` says that no card is asked
    any more; then without a ``problem`` the one that it had stays.
    """
    facts = facts_of(accounts=accounts, month=month, today=today, balance_alone=balance_alone)
    facts |= {"now": now, "paid_until": months.last_day(month), "memo": f"Services for {month:%B %Y}"}
    facts |= {"no_price": NO_PRICE, "no_means": NO_MEANS, "problem": problem}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_CYCLES, facts)
        facts["accounts"] = [account for (account,) in cursor.fetchall()]
        if not facts["accounts"]:
            return Counter()
        plan_for_many(cursor, facts["accounts"])
        cursor.execute(_LOCK_SERVICES, facts)
        facts["agents"], owing = ledger.prepare_many(cursor, facts["accounts"])
        cursor.execute(_SETTLE, facts)
        rows = cursor.fetchall()
        fates = {account: fate for account, fate, _ in rows if fate}
        ledger.collect_owed({own: earned for own, fate, earned in rows if not fate and own in owing}, now=now)
        _park(cursor, [account for account, fate in fates.items() if fate == "parked"], now)
        _give_turns(cursor, [account for account, fate in fates.items() if fate == "card"], month, now)
    return Counter(fates.values())


def settle_or_park(accounts: Sequence[int], *, month: date, today: date, now: datetime, **how: Any) -> Counter[str]:
    """Settle them together (see ``settle``); where one breaks that, each by itself, and that one is parked."""
    try:
        return settle(accounts, month=month, today=today, now=now, **how)
    except (IntegrityError, DataError) as error:
        # The database refuses what breaks a promise of its. Anything else is not the account's fault: the run ends, and
        # the next goes on.
        if len(accounts) == 1:
            log.exception("account parked", account=accounts[0])
            parking.park(account_id=accounts[0], reason=f"It could not be billed: {error}", now=now)
            Cycle.objects.filter(account=accounts[0], month=month).update(attempted_on=today)
            return Counter(parked=1)
        log.warning("chunk settled one by one", accounts=len(accounts), error=repr(error))
    alone = (settle_or_park([account], month=month, today=today, now=now, **how) for account in accounts)
    return sum(alone, Counter[str]())


def _give_turns(cursor: Any, accounts: list[int], month: date, now: datetime) -> None:
    """A moment for each card to be charged, one after the other behind those that have theirs."""
    if accounts:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TURNS])
        cursor.execute(
            _GIVE_TURNS, {"accounts": accounts, "month": month, "now": now, "cards_a_second": CARDS_A_SECOND}
        )


def _park(cursor: Any, accounts: list[int], now: datetime) -> None:
    if accounts:
        cursor.execute(
            "INSERT INTO billing_parkedaccount (account_id, reason, parked_at) "
            "SELECT account_id, %s, %s FROM unnest(%s::bigint[]) account_id ON CONFLICT DO NOTHING",
            [NO_PRICE, now, accounts],
        )
