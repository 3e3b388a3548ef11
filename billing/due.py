"""Says what each account owes for a month, and what would pay it: for the cycle, its rehearsal and the forecast alike.

One statement looks at thousands of accounts at once; a customer's page asks it about one. So what is foretold is what
is charged (domain.md §6).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from billing.models import RehearsedAccount
from billing.split import SMALLEST_CARD_CHARGE

Fate = RehearsedAccount.Fate
_FEW = 50

# The accounts are named again with each table, so that each is read by its index and not as a whole.
# What is due of each service that goes on: held, not cancelled for its end (nor its number), not waiting for a number.
# 911 is due while something else goes on that calls for it, and costs nothing while a plan includes it, or while it has
# failed and does not work. Prices are those in force on the first day of the month.
DUE = """
priced AS (
    SELECT DISTINCT ON (product_id) product_id, monthly FROM catalog_price
    WHERE effective_on <= %(month)s ORDER BY product_id, effective_on DESC
), continuing AS (
    SELECT service.id, service.account_id, service.product_id, service.kind, service.state, service.paid_until,
        bool_or(service.kind IN ('plan', 'did')) OVER of_account AS calls_for_911,
        bool_or(product.includes_911) OVER of_account AS includes_911
    FROM billing_service service
    JOIN catalog_product product ON product.id = service.product_id
    LEFT JOIN billing_service number
        ON number.id = service.number_service_id AND number.account_id = ANY(%(accounts)s)
    WHERE service.account_id = ANY(%(accounts)s) AND service.state <> 'cancelled'
        AND service.ending_asked_at IS NULL AND number.ending_asked_at IS NULL
        AND NOT (service.state = 'pending' AND service.back_order_id IS NOT NULL)
    WINDOW of_account AS (PARTITION BY service.account_id)
), due AS (
    SELECT continuing.id AS service_id, account_id, kind,
        CASE WHEN kind = 'e911' AND (includes_911 OR state = 'failed') THEN 0 ELSE priced.monthly END AS amount
    FROM continuing LEFT JOIN priced USING (product_id)
    WHERE paid_until < %(month)s AND (kind <> 'e911' OR calls_for_911)
)
"""

# Who pays for it (domain.md §6): see billing/split.py, whose arithmetic this is. With ``balance_alone`` a card was
# asked before, and what counts is whether the balance covers it now.
DECIDED = f"""
bill AS (
    SELECT account_id, count(*) AS services, sum(amount) AS net, bool_or(amount IS NULL) AS has_no_price
    FROM due GROUP BY account_id
), owed AS (
    SELECT bill.account_id, bill.services, coalesce(bill.net, 0) AS net, bill.has_no_price, account.pays_from,
        account.referred_by_id AS agent_id,
        round(coalesce(bill.net, 0) * coalesce(taxed.rate, 0), 2) AS tax,
        ledger.id AS ledger_id, coalesce(ledger.balance, 0) AS balance, card.id AS card_id
    FROM bill
    JOIN accounts_account account ON account.id = bill.account_id AND account.id = ANY(%(accounts)s)
    JOIN accounts_address address ON address.id = account.billing_address_id
    LEFT JOIN billing_ledgeraccount ledger
        ON ledger.account_id = account.id AND ledger.account_id = ANY(%(accounts)s)
    LEFT JOIN LATERAL (
        SELECT rate FROM billing_taxrate
        WHERE country = address.country AND region IN (address.region, '') ORDER BY region DESC LIMIT 1
    ) taxed ON true
    LEFT JOIN LATERAL (
        SELECT id FROM billing_card
        WHERE account_id = account.id AND removed_at IS NULL
            AND expires_year * 12 + expires_month
                >= extract(year FROM %(today)s::date) * 12 + extract(month FROM %(today)s::date)
        ORDER BY is_default DESC, id LIMIT 1
    ) card ON true
), missing AS (
    SELECT *, net + tax AS total,
        CASE WHEN pays_from = 'card' THEN net + tax
             ELSE net + tax - least(floor(balance * 100) / 100, net + tax) END AS missing
    FROM owed
), decided AS MATERIALIZED (
    SELECT *,
        CASE WHEN has_no_price THEN 'parked'
             WHEN total = 0 OR balance >= total AND (pays_from = 'balance' OR card_id IS NULL OR %(balance_alone)s)
                THEN 'balance'
             WHEN card_id IS NOT NULL AND NOT %(balance_alone)s THEN 'card'
             ELSE 'fail' END AS fate,
        greatest(ceil(missing * 100) / 100, {SMALLEST_CARD_CHARGE}) AS asked_of_card
    FROM missing
)
"""  # noqa: S608 (nothing in it comes from outside)


@dataclass(frozen=True)
class Decided:
    """What one account owes for a month, and what would become of it today."""

    account_id: int
    services: int
    net: Decimal
    tax: Decimal
    balance: Decimal
    # Charged first where its fate is a card; the balance pays the rest.
    card_id: int | None
    from_card: Decimal
    fate: str

    @property
    def total(self) -> Decimal:
        return self.net + self.tax

    @property
    def from_balance(self) -> Decimal:
        return max(self.total - self.from_card, Decimal(0)) if self.fate in (Fate.BALANCE, Fate.CARD) else Decimal(0)


_COLUMNS = """
account_id, services, net, tax, balance, card_id,
CASE WHEN fate = 'card' THEN asked_of_card ELSE 0 END AS from_card, fate
"""


def decide(*, accounts: Sequence[int], month: date, today: date, balance_alone: bool = False) -> list[Decided]:
    """What each of ``accounts`` owes for ``month`` and what would pay it; nothing for those that owe nothing."""
    facts = facts_of(accounts=accounts, month=month, today=today, balance_alone=balance_alone)
    one_transaction = transaction.atomic() if len(accounts) > _FEW else nullcontext()
    with one_transaction, connection.cursor() as cursor:
        plan_for_many(cursor, accounts)
        cursor.execute(f"WITH {DUE}, {DECIDED} SELECT {_COLUMNS} FROM decided ORDER BY account_id", facts)  # noqa: S608
        return [Decided(*row) for row in cursor.fetchall()]


def services_due(*, account_id: int, month: date) -> list[tuple[int, Decimal | None]]:
    """The services of one account that are due for ``month``, each with its fee."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {DUE} SELECT service_id, amount FROM due ORDER BY service_id",  # noqa: S608
            {"accounts": [account_id], "month": month},
        )
        return cursor.fetchall()


def facts_of(*, accounts: Sequence[int], month: date, today: date, balance_alone: bool) -> dict[str, Any]:
    """What the statements above ask for."""
    return {"accounts": list(accounts), "month": month, "today": today, "balance_alone": balance_alone}


def plan_for_many(cursor: Any, accounts: Sequence[int]) -> None:
    """Have PostgreSQL join by hashing to the end of this transaction, where ``accounts`` are many.

    It cannot know how many rows a part of the statements above gives, believes that they are few, and would compare
    each with each. Nor should it compile them: to do so takes longer than they do.
    """
    if len(accounts) > _FEW:
        cursor.execute("SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)")


# Accounts with a service that is paid to an earlier day than ``month`` begins: all who may owe something.
_OWING = """
SELECT DISTINCT account_id FROM billing_service
WHERE state <> 'cancelled' AND paid_until < %(month)s AND account_id > %(after)s
ORDER BY account_id LIMIT %(most)s
"""


def owing(*, month: date, after: int, most: int) -> list[int]:
    """The next ``most`` accounts, by their keys, that may owe something for ``month``."""
    with connection.cursor() as cursor:
        cursor.execute(_OWING, {"month": month, "after": after, "most": most})
        return [account for (account,) in cursor.fetchall()]
