"""Proves that every customer's balance is the sum of its transfers, and that each transfer says so."""

from collections.abc import Iterator

from django.db import connection

_SUMS = """
WITH movement AS (
    SELECT source_id AS ledger_account_id, -amount AS change FROM billing_transfer
    UNION ALL
    SELECT target_id, amount FROM billing_transfer
)
SELECT account.number, customer.balance, coalesce(sum(movement.change), 0)
FROM billing_ledgeraccount customer
JOIN accounts_account account ON account.id = customer.account_id
LEFT JOIN movement ON movement.ledger_account_id = customer.id
GROUP BY customer.id, account.number
HAVING customer.balance <> coalesce(sum(movement.change), 0)
ORDER BY account.number
"""

# Transfers of one customer are made one after the other under its lock, so their ids are in that order.
_RUNNING_TOTALS = """
WITH movement AS (
    SELECT id, key, source_id AS ledger_account_id, -amount AS change, source_balance AS recorded
    FROM billing_transfer
    UNION ALL
    SELECT id, key, target_id, amount, target_balance FROM billing_transfer
), total AS (
    SELECT movement.*, sum(change) OVER (PARTITION BY ledger_account_id ORDER BY id) AS counted FROM movement
)
SELECT account.number, total.key, total.recorded, total.counted
FROM total
JOIN billing_ledgeraccount customer ON customer.id = total.ledger_account_id
JOIN accounts_account account ON account.id = customer.account_id
WHERE total.recorded IS DISTINCT FROM total.counted
ORDER BY account.number, total.id
"""


def differences() -> Iterator[str]:
    """What does not add up, a line each, naming the account; nothing when all is well."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS)
        for number, balance, counted in cursor.fetchall():
            yield f"{number}: the balance is {balance} and its transfers add up to {counted}."
        cursor.execute(_RUNNING_TOTALS)
        for number, key, recorded, counted in cursor.fetchall():
            yield f"{number}: transfer {key} says {recorded} was left, and {counted} was."
