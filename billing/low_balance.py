"""Tells customers once when their balance runs low, and again only after it was up again (domain.md §6)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from accounts.models import Account
from billing import balance_mails
from billing.models import BalanceWatch
from billing.models.balances import RECHARGES_A_DAY
from callcentric import clock
from callcentric.money import ZERO
from catalog.models import Product

# So many accounts are told in one transaction.
CHUNK = 200


def set_limit(account: Account, *, below: Decimal) -> None:
    """Tell this customer when the balance falls below ``below``; 0 never does."""
    BalanceWatch.objects.update_or_create(account=account, defaults={"low_below": below, "low_is_chosen": True})


def tell(*, now: datetime) -> int:
    """E-mail everybody whose balance has fallen below their limit since it was last up; returns how many.

    1. End the episodes of balances that are up again.
    2. Begin one, and write an e-mail in the same transaction, for each balance that is below its limit: where something
       is held that is paid by the minute, or the customer has chosen a limit. Auto-recharge is left to do its work,
       unless its last payment failed or it has used up its day.
    Of several who do this at once, each account is told by one.
    """
    _end_episodes()
    told, facts = 0, _facts(now)
    while chunk := _tell_chunk(facts):
        told += chunk
        if chunk < CHUNK:
            break
    return told


@transaction.atomic
def _tell_chunk(facts: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(BEGIN_EPISODES, facts)
        low = [account for (account,) in cursor.fetchall()]
    accounts = Account.objects.select_related("user", "ledger_account", "balance_watch").filter(pk__in=low)
    for account in accounts.order_by("pk"):
        below = account.balance_watch.low_below
        balance_mails.balance_low(account, balance=account.ledger_account.balance or ZERO, below=below)
    return len(low)


def _end_episodes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(END_EPISODES)


def _facts(now: datetime) -> dict[str, Any]:
    fresh = BalanceWatch()
    by_the_minute = Product.objects.by_the_minute(now.astimezone(clock.BUSINESS_ZONE).date())
    return {
        "now": now,
        "today": clock.midnight(now),
        "products": list(by_the_minute.values_list("pk", flat=True)),
        "low_below": fresh.low_below,
        "recharge_below": fresh.recharge_below,
        "recharge_amount": fresh.recharge_amount,
        "recharges_a_day": RECHARGES_A_DAY,
        "chunk": CHUNK,
    }


# Whoever comes second to a row waits for the first, finds low_since set, and is not given the account.
BEGIN_EPISODES = """
INSERT INTO billing_balancewatch
    (account_id, low_below, low_is_chosen, low_since, recharges, recharge_below, recharge_amount)
SELECT customer.account_id, %(low_below)s, false, %(now)s, false, %(recharge_below)s, %(recharge_amount)s
FROM billing_ledgeraccount customer
JOIN accounts_account account ON account.id = customer.account_id
LEFT JOIN billing_balancewatch watch ON watch.account_id = customer.account_id
WHERE customer.balance < coalesce(watch.low_below, %(low_below)s)
    AND watch.low_since IS NULL
    AND account.closed_on IS NULL
    AND (watch.low_is_chosen IS TRUE OR EXISTS (
        SELECT FROM billing_service service
        WHERE service.account_id = customer.account_id
            AND service.state <> 'cancelled'
            AND service.product_id = ANY(%(products)s)
    ))
    AND (watch.recharges IS NOT TRUE OR 'failed' = (
        SELECT last.state FROM billing_payment last
        WHERE last.account_id = customer.account_id AND last.purpose = 'recharge'
        ORDER BY last.created_at DESC LIMIT 1
    ) OR %(recharges_a_day)s <= (
        SELECT count(*) FROM billing_payment recharge
        WHERE recharge.account_id = customer.account_id
            AND recharge.purpose = 'recharge'
            AND recharge.created_at >= %(today)s
    ))
-- In one order, so that two who do this at once cannot wait for each other.
ORDER BY customer.account_id
LIMIT %(chunk)s
ON CONFLICT (account_id) DO UPDATE SET low_since = excluded.low_since
    WHERE billing_balancewatch.low_since IS NULL
RETURNING account_id
"""

END_EPISODES = """
UPDATE billing_balancewatch SET low_since = NULL
WHERE id IN (
    SELECT watch.id FROM billing_balancewatch watch
    JOIN billing_ledgeraccount customer ON customer.account_id = watch.account_id
    WHERE watch.low_since IS NOT NULL AND customer.balance >= watch.low_below
    ORDER BY watch.id
    FOR NO KEY UPDATE OF watch SKIP LOCKED
)
"""
