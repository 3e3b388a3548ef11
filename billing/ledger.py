"""The ledger: the only code that moves money (domain.md §11).

Every movement is one transfer, posted by one SQL statement that changes the customer's balance with it. The
balance cannot go below zero because the database refuses it, and a key that was posted is not posted again.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from accounts.models import Account
from billing import commission
from billing.models import LedgerAccount, OwedCommission, Transfer
from callcentric.errors import Refused
from callcentric.money import ZERO

Kind = LedgerAccount.Kind

# House accounts have these ids wherever the portal runs, so that naming one needs no query. Customers' are
# above zero.
HOUSE_IDS = {Kind.CARDS: -1, Kind.REVENUE: -2, Kind.TAX: -3, Kind.COMMISSION: -4, Kind.ADJUSTMENT: -5}


class InsufficientFunds(Refused):
    """The balance does not cover it."""


class KeyReused(Exception):
    """A key names one movement and was used for another: a defect of ours, not a customer's mistake."""


def of(account: Account) -> LedgerAccount:
    """The customer's ledger account, made at first use, with its balance as it is now."""
    found = LedgerAccount.objects.filter(account=account).first()
    if found:
        return found
    LedgerAccount.objects.bulk_create(
        [LedgerAccount(kind=Kind.CUSTOMER, account=account, balance=ZERO)], ignore_conflicts=True
    )
    return LedgerAccount.objects.get(account=account)


def house(kind: str) -> LedgerAccount:
    """One of the house's accounts. Its row is written by the first transfer that needs it."""
    return LedgerAccount(pk=HOUSE_IDS[Kind(kind)], kind=kind)


def post(
    *,
    key: str,
    kind: str,
    source: LedgerAccount,
    target: LedgerAccount,
    amount: Decimal,
    memo: str,
    made_at: datetime,
    **belongs_to: Transfer,
) -> Transfer:
    """Move ``amount`` from ``source`` to ``target``; the same key again returns the transfer that was made.

    ``belongs_to`` names the transfer behind it: ``tax_on``, ``commission_on`` or ``refund_of``.

    At most one side is a customer's. Raises InsufficientFunds where the balance does not cover it; as with
    every error of the database, a transaction that is open is then over: let the refusal out of its
    ``atomic`` block. Raises KeyReused where the key already names another movement.
    """
    transfer = Transfer(
        key=key,
        kind=kind,
        source=source,
        target=target,
        amount=amount,
        memo=memo,
        made_at=made_at,
        **belongs_to,
    )
    return _post(transfer)


def charge(*, account: Account, key: str, net: Decimal, tax: Decimal, memo: str, made_at: datetime) -> Transfer | None:
    """Take ``net`` and the ``tax`` on it from the customer's balance, both or none; None where ``net`` is 0.

    Whoever brought the customer earns commission on ``net`` (domain.md §8). Raises InsufficientFunds (see ``post``).
    """
    customer = of(account)
    # No savepoint: whoever catches the refusal has a block of its own around this.
    with transaction.atomic(savepoint=False):
        charged, is_new = _post_with_tax(
            {"kind": Transfer.Kind.CHARGE, "key": key, "amount": net, "memo": memo, "made_at": made_at},
            {"source": customer, "target": house(Kind.REVENUE)},
            {"source": customer, "target": house(Kind.TAX), "amount": tax},
        )
        if charged and is_new:
            _pay_commission(account, charged)
    return charged


def refund(
    *, account: Account, charge_key: str, key: str, net: Decimal, tax: Decimal, memo: str, made_at: datetime
) -> Transfer | None:
    """Give ``net`` and the ``tax`` on it, of the charge with ``charge_key``, back to the customer's balance.

    At most what is left of that charge, which may be less after other refunds of it; None where that is nothing. The
    commission on it goes back too. Raises Transfer.DoesNotExist where this customer was never charged so.
    """
    with transaction.atomic(savepoint=False):
        customer = _locked(of(account))
        made = Transfer.objects.filter(key=key).first()
        if made or not net:
            return made
        charged = Transfer.objects.select_related("tax").get(key=charge_key, kind=Transfer.Kind.CHARGE, source=customer)
        left = commission.left_of(charged)
        refunded, _ = _post_with_tax(
            {"kind": Transfer.Kind.REFUND, "key": key, "amount": min(net, left.net), "memo": memo, "made_at": made_at},
            {"source": house(Kind.REVENUE), "target": customer, "refund_of": charged},
            {"source": house(Kind.TAX), "target": customer, "amount": min(tax, left.tax)},
        )
        if refunded:
            _take_commission_back(charged, refunded, before=left)
    return refunded


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


def prepare_many(cursor: Any, accounts: Sequence[int]) -> list[int]:
    """Lock the ledger accounts of these customers and of their agents, in one order, for CHARGE_MANY.

    Returns the accounts of the agents. The rows of the houses are there.
    """
    _write_houses(house(Kind.REVENUE), house(Kind.TAX), house(Kind.COMMISSION))
    cursor.execute(commission.AGENTS_OF, [list(accounts)])
    agents = dict(cursor.fetchall())
    new = [LedgerAccount(account_id=agent, balance=ZERO) for agent, own in agents.items() if own is None]
    LedgerAccount.objects.bulk_create(new, ignore_conflicts=True)
    # A client is always younger than its agent: so it is locked first here, as it is when it pays by itself.
    cursor.execute(
        "SELECT id FROM billing_ledgeraccount WHERE account_id = ANY(%s) ORDER BY account_id DESC FOR NO KEY UPDATE",
        [[*accounts, *agents]],
    )
    return list(agents)


def collect_owed(agents: Sequence[int], *, now: datetime) -> None:
    """Take from these agents, who have just earned, the commission that they still have to give back.

    The caller holds the locks of their ledger accounts.
    """
    for owed in OwedCommission.objects.unpaid().of(agents).select_related("refund", "agent"):
        owed.agent.refresh_from_db(fields=["balance"])
        taken = min(owed.left, owed.agent.balance or ZERO)
        if taken:
            # What is left shrinks with each part: so it tells them apart.
            _take_from_agent(owed.agent, owed.refund, taken, key=f"{_commission_key(owed.refund)}:{owed.left}", now=now)
            owed.left -= taken
            owed.save(update_fields=["left"])


def _post_with_tax(what: dict[str, Any], net: dict[str, Any], tax: dict[str, Any]) -> tuple[Transfer | None, bool]:
    """The transfer of ``net``, with that of ``tax``, and whether it was made just now."""
    if not what["amount"]:
        return None, False
    wanted = Transfer(**what, **net)
    posted = _post(wanted)
    if tax["amount"]:
        on_it = {"kind": Transfer.Kind.TAX, "key": f"{posted.key}:tax", "memo": f"Tax: {posted.memo}"}
        post(**what | on_it | tax, tax_on=posted)
    return posted, posted is wanted


def _pay_commission(client: Account, charged: Transfer) -> None:
    agent = commission.agent_of(client)
    amount = commission.on(charged.amount, agent.commission_percent) if agent else ZERO
    if not agent or not amount:
        return
    post(
        key=_commission_key(charged),
        kind=Transfer.Kind.COMMISSION,
        source=house(Kind.COMMISSION),
        target=of(agent),
        amount=amount,
        memo=commission.memo(agent.commission_percent),
        made_at=charged.made_at,
        commission_on=charged,
    )
    collect_owed([agent.pk], now=charged.made_at)


def _take_commission_back(charged: Transfer, refunded: Transfer, *, before: commission.Left) -> None:
    """In whatever parts a charge is refunded, those of its commission add up; what the agent has spent is owed."""
    earned = Transfer.objects.select_related("target").filter(key=_commission_key(charged)).first()
    if earned is None:
        return
    amount = commission.share(earned.amount, of=charged.amount, before=before.net, after=before.net - refunded.amount)
    agent = _locked(earned.target)
    taken = min(amount, agent.balance or ZERO)
    if taken:
        _take_from_agent(agent, refunded, taken, key=_commission_key(refunded), now=refunded.made_at)
    if taken < amount:
        OwedCommission.objects.create(refund=refunded, agent=agent, left=amount - taken)


def _take_from_agent(agent: LedgerAccount, refunded: Transfer, amount: Decimal, *, key: str, now: datetime) -> None:
    post(
        key=key,
        kind=Transfer.Kind.COMMISSION,
        source=agent,
        target=house(Kind.COMMISSION),
        amount=amount,
        memo="Commission taken back: the charge was refunded",
        made_at=now,
        commission_on=refunded,
    )


def _commission_key(on: Transfer) -> str:
    return f"{on.key}:commission"


def _locked(account: LedgerAccount) -> LedgerAccount:
    return LedgerAccount.objects.select_for_update(no_key=True).get(pk=account.pk)


def _post(transfer: Transfer) -> Transfer:
    made = _insert(transfer) or _made_before(transfer)
    if made is None:
        # Neither posted nor known: a house account has no row yet.
        _write_houses(transfer.source, transfer.target)
        made = _insert(transfer) or _made_before(transfer)
    if made is None:
        raise LedgerAccount.DoesNotExist(f"{transfer.source!r} or {transfer.target!r} is no ledger account.")
    return made


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


def _statement_for(source: LedgerAccount, target: LedgerAccount) -> str:
    customers = (source.kind == Kind.CUSTOMER, target.kind == Kind.CUSTOMER)
    if all(customers):
        raise ValueError("Money moves between a customer and the house, never between two customers.")
    if not any(customers):
        return BETWEEN_HOUSES
    return FROM_CUSTOMER if customers[0] else TO_CUSTOMER


def _values_of(transfer: Transfer) -> dict[str, Any]:
    return {
        "key": transfer.key,
        "kind": str(transfer.kind),
        "source": transfer.source_id,
        "target": transfer.target_id,
        "amount": transfer.amount,
        "memo": transfer.memo,
        "tax_on": transfer.tax_on_id,
        "commission_on": transfer.commission_on_id,
        "refund_of": transfer.refund_of_id,
        "made_at": transfer.made_at,
    }


def _insert(transfer: Transfer) -> Transfer | None:
    """Post it; None where its key is taken, or where one of its accounts has no row."""
    statement = _statement_for(transfer.source, transfer.target)
    try:
        with _cursor() as cursor:
            cursor.execute(statement, _values_of(transfer))
            stored = cursor.fetchone()
    except IntegrityError as error:
        if "balance_is_never_negative" in str(error):
            raise InsufficientFunds("Your balance does not cover this. Add funds and try again.") from error
        raise
    if stored is None:
        return None
    transfer.pk, transfer.source_balance, transfer.target_balance = stored
    transfer._state.adding = False
    transfer._state.db = connection.alias
    return transfer


def _cursor() -> CursorWrapper:
    """psycopg's own cursor on Django's connection: it keeps the statement's plan, which is most of its cost."""
    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


def _made_before(transfer: Transfer) -> Transfer | None:
    made = Transfer.objects.filter(key=transfer.key).first()
    if made is None:
        return None
    same = (made.source_id, made.target_id, made.amount) == (
        transfer.source_id,
        transfer.target_id,
        transfer.amount,
    )
    if not same:
        raise KeyReused(f"{transfer.key} moved {made.amount} before, and now it should move {transfer.amount}.")
    return made


def _write_houses(*accounts: LedgerAccount) -> None:
    houses = [LedgerAccount(pk=each.pk, kind=each.kind) for each in accounts if each.kind != Kind.CUSTOMER]
    LedgerAccount.objects.bulk_create(houses, ignore_conflicts=True)
