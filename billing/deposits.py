"""Adds funds to a balance from a card, 5 to 500 dollars a business day (domain.md §11)."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from accounts.models import Account
from accounts.standing import check_open
from billing import ledger, payments
from billing.models import Card, LedgerAccount, Payment
from callcentric import clock
from callcentric.errors import Refused
from callcentric.money import ZERO

SMALLEST = Decimal("5.00")
A_DAY = Decimal("500.00")
# The same amount from the same card within this time is asked about before it is charged again.
A_MOMENT = timedelta(minutes=10)


class DepositRefused(Refused):
    """The amount is against the rule for deposits."""


class DepositRepeated(DepositRefused):
    """The same amount was added from the same card a moment ago: perhaps the page was only gone back to."""


def make(
    *, account: Account, card: Card, amount: Decimal, token: UUID, now: datetime, once_more: bool = False
) -> Payment:
    """Charge ``card`` and add the money to the balance. The same token again returns the same payment.

    Raises DepositRefused for an amount against the rule, DepositRepeated for one that was just added unless it is meant
    ``once_more``, CardProblem for a card that cannot be used, AccountClosed. Whether the bank took the card, the
    payment says.
    """
    payment = _begin(account, card, amount, token, now, once_more)
    return payments.charge(payment, now=now) if payment.state == Payment.State.CREATED else payment


def left_today(account: Account, *, now: datetime) -> Decimal:
    """How much may still be deposited on the business day of ``now``. What was declined does not count."""
    begins = clock.midnight(now)
    deposits = (
        Payment.objects.deposits().since(begins).filter(account=account, created_at__lt=begins + timedelta(days=1))
    )
    made = deposits.exclude(state=Payment.State.FAILED).aggregate(total=Sum("amount"))["total"] or ZERO
    return max(A_DAY - made, ZERO)


def _begin(account: Account, card: Card, amount: Decimal, token: UUID, now: datetime, once_more: bool) -> Payment:
    customer = ledger.of(account)
    with transaction.atomic():
        # Two deposits at the same moment are counted one after the other.
        LedgerAccount.objects.select_for_update().get(pk=customer.pk)
        check_open(account)
        if not Payment.objects.filter(token=token).exists():
            _check(amount, left_today(account, now=now))
            if not once_more:
                _check_not_repeated(account, card, amount, now)
        return payments.begin(
            account=account,
            card=card,
            amount=amount,
            purpose=Payment.Purpose.DEPOSIT,
            token=token,
            now=now,
        )


def _check_not_repeated(account: Account, card: Card, amount: Decimal, now: datetime) -> None:
    same = Payment.objects.deposits().filter(account=account, card=card, amount=amount, created_at__gt=now - A_MOMENT)
    before = same.exclude(state=Payment.State.FAILED).order_by("created_at").last()
    if before:
        at = before.created_at.astimezone(clock.BUSINESS_ZONE)
        raise DepositRepeated(
            f"You added ${amount:.2f} from this card at {at:%-I:%M %p} New York time. "
            "To add the same amount once more, tick the box below and press the button again."
        )


def _check(amount: Decimal, left: Decimal) -> None:
    if amount < SMALLEST:
        raise DepositRefused(f"The smallest deposit is ${SMALLEST}.")
    if amount <= left:
        return
    if left < SMALLEST:
        raise DepositRefused(
            f"You can add ${A_DAY} a day at most, and ${A_DAY - left:.2f} is added already. Add more tomorrow."
        )
    raise DepositRefused(
        f"You can add ${A_DAY} a day at most, of which ${left:.2f} is left today. Choose a smaller amount."
    )
