"""Staff give money: a credit, or a charge back. Each time with a reason, which the audit log keeps, and an e-mail."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from accounts import audit_log
from accounts.models import Account, AuditEntry, User
from accounts.standing import AccountClosed, check_open
from billing import commission, ledger, mails
from billing.commission import Left
from billing.models import LedgerAccount, Transfer
from callcentric.errors import Refused
from callcentric.money import to_cents
from callcentric.templatetags.show import usd

# What a customer may add in a day. More at once is a slip of the finger more often than it is meant.
LARGEST_CREDIT = Decimal("500.00")


class AdjustmentRefused(Refused):
    """This much is not given, or not to this account."""


@transaction.atomic
def credit(
    *, account: Account, amount: Decimal, words: str, reason: str, by: User, token: UUID, now: datetime
) -> Transfer:
    """Put ``amount`` into the balance of ``account``; the customer reads ``words``, staff the ``reason``.

    The same form sent again returns the same transfer. Raises AdjustmentRefused for a closed account, for an amount
    that is not above zero, in whole cents and LARGEST_CREDIT at most, and where its token has given something else;
    NoReason.
    """
    customer = _locked(account)
    if made := _made(key := f"credit:{token}"):
        return _same(made, (made.target_id, made.amount, made.memo) == (customer.pk, amount, words))
    _check_open(account)
    _check_cents(amount)
    if amount > LARGEST_CREDIT:
        raise AdjustmentRefused(f"A credit is {usd(LARGEST_CREDIT)} at most. If you mean more, give it in parts.")
    given = ledger.post(
        key=key,
        kind=Transfer.Kind.CREDIT,
        source=ledger.house(LedgerAccount.Kind.ADJUSTMENT),
        target=customer,
        amount=amount,
        memo=words,
        made_at=now,
    )
    audit_log.record(
        by=by, action=AuditEntry.Action.CREDIT, account=account, reason=reason, details=f"{usd(amount)}: {words}"
    )
    mails.credited(account, given)
    return given


@transaction.atomic
def refund(
    *, charge: Transfer, net: Decimal | None, words: str, reason: str, by: User, token: UUID, now: datetime
) -> Transfer:
    """Give ``net`` of a charge, or all that is left of it, and the tax on that back to the customer's balance.

    The same form sent again returns the same transfer. Raises AdjustmentRefused for what is no customer's charge, for a
    closed account, for more than is left of the charge or not in whole cents, and where its token has given something
    else; NoReason.
    """
    account = charge.source.account
    if account is None or charge.kind != Transfer.Kind.CHARGE:
        raise AdjustmentRefused("Only what a customer was charged is refunded.")
    _locked(account)
    if made := _made(key := f"refund:{token}"):
        # All that was left then, where nothing is left now.
        amount = net if net is not None else made.amount + commission.left_of(charge).net
        return _same(made, (made.refund_of_id, made.amount, made.memo) == (charge.pk, amount, words))
    _check_open(account)
    back = _share(commission.left_of(charge), net)
    given = ledger.refund(
        account=account, charge_key=charge.key, key=key, net=back.net, tax=back.tax, memo=words, made_at=now
    )
    assert given  # noqa: S101 (something was left, and the balance is locked; said for the type checker)
    audit_log.record(
        by=by,
        action=AuditEntry.Action.REFUND,
        account=account,
        reason=reason,
        details=f"{usd(back.net)} and {usd(back.tax)} of tax, of the charge {charge.key}",
    )
    mails.refunded(account, given, total=back.net + back.tax, charge=charge)
    return given


def _share(left: Left, net: Decimal | None) -> Left:
    """What of ``left`` comes back with ``net``; with the last part comes all the tax there is."""
    if not left.net:
        raise AdjustmentRefused("All of this charge was refunded before.")
    if net is None or net == left.net:
        return left
    _check_cents(net)
    if net > left.net:
        raise AdjustmentRefused(f"Of this charge {usd(left.net)} without tax is left to refund. Choose that or less.")
    return left.at_most(net, to_cents(left.tax * net / left.net))


def _locked(account: Account) -> LedgerAccount:
    return LedgerAccount.objects.select_for_update(no_key=True).get(pk=ledger.of(account).pk)


def _made(key: str) -> Transfer | None:
    return Transfer.objects.filter(key=key).first()


def _same(made: Transfer, is_same: bool) -> Transfer:
    if not is_same:
        raise AdjustmentRefused(
            f"This form was sent before, and gave {usd(made.amount)}: {made.memo} Open its page anew to give more."
        )
    return made


def _check_open(account: Account) -> None:
    try:
        check_open(account)
    except AccountClosed as closed:
        raise AdjustmentRefused(f"{closed} So nothing is given to it.") from closed


def _check_cents(amount: Decimal) -> None:
    if amount <= 0 or amount != to_cents(amount):
        raise AdjustmentRefused("Give an amount above zero, in whole cents.")
