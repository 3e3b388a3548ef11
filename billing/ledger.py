"""The ledger: the only code that moves money (domain.md §11).

Every movement is one transfer, posted by one SQL statement that changes the customer's balance with it. The
balance cannot go below zero because the database refuses it, and a key that was posted is not posted again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from django.db import IntegrityError, connection, transaction
from django.db.backends.utils import CursorWrapper

from accounts.models import Account
from billing import commission, ledger_sql
from billing.ledger_sql import HOUSE_IDS
from billing.models import LedgerAccount, OwedCommission, Transfer
from callcentric.errors import Refused
from callcentric.money import ZERO

Kind = LedgerAccount.Kind
_MEMO_LENGTH = Transfer._meta.get_field("memo").max_length


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
    commission on it goes back too. Raises Transfer.DoesNotExist where this customer was never charged so, and KeyReused
    where the key names another movement.
    """
    with transaction.atomic(savepoint=False):
        customer = _locked(of(account))
        if made := Transfer.objects.select_related("refund_of").filter(key=key).first():
            return _same_refund(made, customer, charge_key)
        if not net:
            return None
        charged = Transfer.objects.select_related("tax").get(key=charge_key, kind=Transfer.Kind.CHARGE, source=customer)
        left = commission.left_of(charged)
        back = left.at_most(net, tax)
        refunded, _ = _post_with_tax(
            {"kind": Transfer.Kind.REFUND, "key": key, "amount": back.net, "memo": memo, "made_at": made_at},
            {"source": house(Kind.REVENUE), "target": customer, "refund_of": charged},
            {"source": house(Kind.TAX), "target": customer, "amount": back.tax},
        )
        if refunded:
            _take_commission_back(charged, refunded, before=left)
    return refunded


def prepare_many(cursor: Any, accounts: Sequence[int]) -> tuple[list[int], set[int]]:
    """Lock the ledger accounts of these customers and of their agents, in one order, for ledger_sql.CHARGE_MANY.

    Returns the accounts of the agents, and the ledger accounts of those who owe commission. The rows of the houses are
    there.
    """
    _write_houses(house(Kind.REVENUE), house(Kind.TAX), house(Kind.COMMISSION))
    cursor.execute(commission.AGENTS_OF, [list(accounts)])
    cursor.execute(commission.EARNING, {"agents": [agent for (agent,) in cursor.fetchall()]})
    agents = cursor.fetchall()
    new = [LedgerAccount(account_id=agent, balance=ZERO) for agent, own, _ in agents if own is None]
    LedgerAccount.objects.bulk_create(new, ignore_conflicts=True)
    # A client is always younger than its agent: so it is locked first here, as it is when it pays by itself.
    cursor.execute(
        "SELECT id FROM billing_ledgeraccount WHERE account_id = ANY(%s) ORDER BY account_id DESC FOR NO KEY UPDATE",
        [[*accounts, *(agent for agent, *_ in agents)]],
    )
    return [agent for agent, *_ in agents], {own for _, own, owes in agents if owes}


def collect_owed(earned: Mapping[int, Decimal], *, now: datetime) -> None:
    """Take from what agents have just ``earned``, by their ledger accounts, the commission that they still owe.

    Not from what else is in their balance. The caller holds the locks of these ledger accounts.
    """
    if not earned:
        return
    left = dict(earned)
    for owed in OwedCommission.objects.unpaid().filter(agent__in=earned).select_related("refund", "agent"):
        taken = min(owed.left, left[owed.agent_id])
        if taken:
            # What is owed shrinks with each part: so it tells them apart.
            _take_from_agent(owed.agent, owed.refund, taken, key=f"{_commission_key(owed.refund)}:{owed.left}", now=now)
            owed.left -= taken
            owed.save(update_fields=["left"])
            left[owed.agent_id] -= taken


def _post_with_tax(what: dict[str, Any], net: dict[str, Any], tax: dict[str, Any]) -> tuple[Transfer | None, bool]:
    """The transfer of ``net``, with that of ``tax``, and whether it was made just now."""
    if not what["amount"]:
        return None, False
    wanted = Transfer(**what, **net)
    posted = _post(wanted)
    if tax["amount"]:
        on_it = {"kind": Transfer.Kind.TAX, "key": f"{posted.key}:tax", "memo": f"Tax: {posted.memo}"[:_MEMO_LENGTH]}
        post(**what | on_it | tax, tax_on=posted)
    return posted, posted is wanted


def _pay_commission(client: Account, charged: Transfer) -> None:
    if client.referred_by_id is None:
        return
    # Its lock first: who is closed meanwhile is read as closed.
    own = LedgerAccount.objects.select_for_update(no_key=True).filter(account=client.referred_by_id).first()
    agent = commission.agent_of(client)
    amount = commission.on(charged.amount, agent.commission_percent) if agent else ZERO
    if not agent or not amount:
        return
    post(
        key=_commission_key(charged),
        kind=Transfer.Kind.COMMISSION,
        source=house(Kind.COMMISSION),
        target=own or of(agent),
        amount=amount,
        memo=commission.memo(agent.commission_percent),
        made_at=charged.made_at,
        commission_on=charged,
    )
    if own:
        collect_owed({own.pk: amount}, now=charged.made_at)


def _same_refund(made: Transfer, customer: LedgerAccount, charge_key: str) -> Transfer:
    """Its amount may be less than was asked for: more was not left."""
    charged = made.refund_of
    if made.target_id != customer.pk or charged is None or charged.key != charge_key:
        raise KeyReused(f"{made.key} gave back {charged} before, and now it should give back {charge_key}.")
    return made


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


def _statement_for(source: LedgerAccount, target: LedgerAccount) -> str:
    customers = (source.kind == Kind.CUSTOMER, target.kind == Kind.CUSTOMER)
    if all(customers):
        raise ValueError("Money moves between a customer and the house, never between two customers.")
    if not any(customers):
        return ledger_sql.BETWEEN_HOUSES
    return ledger_sql.FROM_CUSTOMER if customers[0] else ledger_sql.TO_CUSTOMER


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
