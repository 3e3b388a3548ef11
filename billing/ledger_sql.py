"""The ledger's statements: how one transfer is posted, and how thousands are (see billing/ledger.py)."""

from billing import commission
from billing.models import LedgerAccount

Kind = LedgerAccount.Kind

# House accounts have these ids wherever the portal runs, so that naming one needs no query. Customers' are
# above zero.
HOUSE_IDS = {Kind.CARDS: -1, Kind.REVENUE: -2, Kind.TAX: -3, Kind.COMMISSION: -4, Kind.ADJUSTMENT: -5}

_INSERT = """
    INSERT INTO billing_transfer
        (key, kind, source_id, target_id, amount, source_balance, target_balance, memo, tax_on_id, commission_on_id,
         refund_of_id, made_at)
    SELECT %(key)s, %(kind)s, %(source)s, %(target)s, %(amount)s::numeric, {balances}, %(memo)s,
        %(tax_on)s::bigint, %(commission_on)s::bigint, %(refund_of)s::bigint, %(made_at)s
    FROM {sides}
    ON CONFLICT (key) DO NOTHING
    RETURNING id, source_balance, target_balance
"""
# The customer's row is locked first: whoever comes second reads the balance that the first has left, and
# finds the key that the first has posted. Too much is refused by the constraint balance_is_never_negative.
_CUSTOMER_AND_HOUSE = """
WITH held AS (
    SELECT customer.balance, house.id
    FROM billing_ledgeraccount customer, billing_ledgeraccount house
    WHERE customer.id = %({customer})s AND house.id = %({house})s
    FOR NO KEY UPDATE OF customer
), moved AS (
    {insert}
), kept AS (
    UPDATE billing_ledgeraccount SET balance = moved.{side}_balance
    FROM moved WHERE billing_ledgeraccount.id = %({customer})s
)
SELECT id, source_balance, target_balance FROM moved
"""
FROM_CUSTOMER = _CUSTOMER_AND_HOUSE.format(
    customer="source",
    house="target",
    side="source",
    insert=_INSERT.format(balances="held.balance - %(amount)s::numeric, NULL::numeric", sides="held"),
)
TO_CUSTOMER = _CUSTOMER_AND_HOUSE.format(
    customer="target",
    house="source",
    side="target",
    insert=_INSERT.format(balances="NULL::numeric, held.balance + %(amount)s::numeric", sides="held"),
)
BETWEEN_HOUSES = _INSERT.format(
    balances="NULL::numeric, NULL::numeric",
    sides="billing_ledgeraccount one, billing_ledgeraccount other WHERE one.id = %(source)s AND other.id = %(target)s",
)

# What ``charge`` does, for many customers at once: a part of a larger statement, in which ``payable`` gives for each
# the account_id, the agent_id, the ledger_id, the balance, the key, net, tax and memo. ``prepare_many`` comes first
# and gives %(agents)s.
CHARGE_MANY = f"""
charged AS (
    INSERT INTO billing_transfer (key, kind, source_id, target_id, amount, source_balance, memo, made_at)
    SELECT key, 'charge', ledger_id, {HOUSE_IDS[Kind.REVENUE]}, net, balance - net, memo, %(now)s
    FROM payable WHERE net > 0
    RETURNING id, source_id
), taxed AS (
    INSERT INTO billing_transfer (key, kind, source_id, target_id, amount, source_balance, memo, tax_on_id, made_at)
    SELECT key || ':tax', 'tax', ledger_id, {HOUSE_IDS[Kind.TAX]}, tax, balance - net - tax, 'Tax: ' || memo,
        charged.id, %(now)s
    FROM payable JOIN charged ON charged.source_id = payable.ledger_id WHERE tax > 0
    RETURNING id
), {commission.EARNED}, commissioned AS (
    INSERT INTO billing_transfer
        (key, kind, source_id, target_id, amount, target_balance, memo, commission_on_id, made_at)
    SELECT earned.key || ':commission', 'commission', {HOUSE_IDS[Kind.COMMISSION]}, earned.ledger_id, earned.amount,
        -- An agent may be a customer of the same month, who has paid above.
        earned.balance - coalesce(own.net + own.tax, 0)
            + sum(earned.amount) OVER (PARTITION BY earned.ledger_id ORDER BY earned.account_id),
        earned.memo, charge_id, %(now)s
    FROM earned LEFT JOIN payable own ON own.ledger_id = earned.ledger_id
    -- Taxes are all written before: the ids of an agent's transfers are in the order of its balances.
    WHERE (SELECT count(*) FROM taxed) >= 0
    ORDER BY earned.ledger_id, earned.account_id
    RETURNING target_id, amount
), moved AS (
    SELECT ledger_id, sum(change) AS change
    FROM (
        SELECT ledger_id, -net - tax AS change FROM payable WHERE net + tax > 0
        UNION ALL SELECT target_id, amount FROM commissioned
    ) each GROUP BY ledger_id
), kept AS (
    UPDATE billing_ledgeraccount SET balance = billing_ledgeraccount.balance + change
    FROM moved WHERE billing_ledgeraccount.id = ledger_id
        AND billing_ledgeraccount.account_id = ANY(%(accounts)s::bigint[] || %(agents)s::bigint[])
)
"""  # noqa: S608 (nothing in it comes from outside)
