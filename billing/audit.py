"""Proves that each balance is the sum of its transfers, that each of those says so, and that commission has a cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

_SUMS = """
WITH movement AS (
    SELECT source_id AS ledger_account_id, -amount AS change FROM billing_transfer
    UNION ALL
    SELECT target_id, amount FROM billing_transfer
)
SELECT account.id, account.number, customer.balance, coalesce(sum(movement.change), 0)
FROM billing_ledgeraccount customer
JOIN accounts_account account ON account.id = customer.account_id
LEFT JOIN movement ON movement.ledger_account_id = customer.id
GROUP BY customer.id, account.id, account.number
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
SELECT account.id, account.number, total.key, total.recorded, total.counted
FROM total
JOIN billing_ledgeraccount customer ON customer.id = total.ledger_account_id
JOIN accounts_account account ON account.id = customer.account_id
WHERE total.recorded IS DISTINCT FROM total.counted
ORDER BY account.number, total.id
"""

# What no foreign key holds: see Transfer.commission_on.
_WITHOUT_CAUSE = """
SELECT account.number, commission.key
FROM billing_transfer commission
JOIN billing_ledgeraccount agent ON agent.id IN (commission.source_id, commission.target_id)
JOIN accounts_account account ON account.id = agent.account_id
LEFT JOIN billing_transfer cause
    ON cause.id = commission.commission_on_id
        AND cause.kind = CASE agent.id WHEN commission.target_id THEN 'charge' ELSE 'refund' END
WHERE commission.kind = 'commission' AND cause.id IS NULL
ORDER BY account.number, commission.id
"""


@dataclass(frozen=True)
class Wrong:
    """A balance, or where ``key`` names a transfer, what that says was left of it; ``counted`` is what is true."""

    account_id: int
    number: str
    key: str
    said: Decimal
    counted: Decimal

    def __str__(self) -> str:
        if self.key:
            return f"{self.number}: transfer {self.key} says {self.said} was left, and {self.counted} was."
        return f"{self.number}: the balance is {self.said} and its transfers add up to {self.counted}."


def differences() -> Iterator[str]:
    """What does not add up, a line each, naming the account; nothing when all is well."""
    yield from map(str, wrong_balances())
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT_CAUSE)
        for number, key in cursor.fetchall():
            yield f"{number}: commission {key} is on no charge and no refund."


def wrong_balances() -> Iterator[Wrong]:
    """The same as values: first the balances, then the transfers, by account."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS)
        for account_id, number, said, counted in cursor.fetchall():
            yield Wrong(account_id, number, "", said, counted)
        cursor.execute(_RUNNING_TOTALS)
        for account_id, number, key, said, counted in cursor.fetchall():
            yield Wrong(account_id, number, key, said, counted)
