"""Gives money back to the cards it came from, so that whatever happens in between ends in one refund or none.

1. ``begin`` writes the refund down and takes the money out of the balance, in one transaction.
2. ``send`` asks Stripe, with no transaction open.
3. ``settle`` writes down what Stripe says; where it refuses, the money comes back into the balance.

Where the outcome is unknown (no answer, a crash, a time-out), Stripe is asked which refunds the charge has: ours is
known by its token. Only where it is not among them is it asked for again, under the same idempotency key.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Sum

from billing import balance_mails, ledger, stripe_api
from billing.models import CardRefund, LedgerAccount, Payment, Transfer
from callcentric.errors import Refused
from callcentric.money import ZERO, to_cents

log = structlog.get_logger(__name__)

State = CardRefund.State

# After this long no process is still in the middle of a call: each gives up much sooner.
UNKNOWN_AFTER = timedelta(minutes=2)
REFUSED = "The card processor did not take the refund: the card may be closed, or the payment too old."


class CannotRefund(Refused):
    """The payment cannot be given back, or not so much of it."""


@transaction.atomic
def begin(payment: Payment, *, amount: Decimal, token: UUID, now: datetime) -> CardRefund:
    """Write down that ``amount`` of a card payment goes back, and take it out of the balance.

    The same token returns the refund it began. Raises CannotRefund for more than is left of the payment, and
    InsufficientFunds where the balance does not have it.
    """
    # One refund of a payment at a time, so that together they never exceed it.
    payment = Payment.objects.select_for_update(of=("self",)).select_related("card", "account").get(pk=payment.pk)
    made = CardRefund.objects.filter(token=token).first()
    if made:
        return made
    if amount != to_cents(amount):
        raise ValueError(f"A card is refunded in whole cents, not {amount}.")
    if amount > _left_of(payment):
        raise CannotRefund(f"No more than ${_left_of(payment):.2f} of this payment can go back to {payment.card}.")
    refund = CardRefund.objects.create(payment=payment, amount=amount, token=token, created_at=now)
    ledger.post(
        key=f"card-refund:{refund.pk}",
        kind=Transfer.Kind.REFUND,
        source=ledger.of(payment.account),
        target=ledger.house(LedgerAccount.Kind.CARDS),
        amount=amount,
        memo=f"To {payment.card}",
        made_at=now,
    )
    return refund


def send(refund: CardRefund, *, now: datetime) -> CardRefund:
    """Ask Stripe for a refund that was begun. Of all who try, one does; the others get it as it is."""
    if not CardRefund.objects.filter(pk=refund.pk, state=State.CREATED).update(state=State.SENT):
        return _fresh(refund)
    return _ask_for(_fresh(refund), now)


def ask(refund: CardRefund, *, now: datetime) -> CardRefund:
    """Ask Stripe what became of a refund, and settle it; safe at any time. Raises StripeError where it says nothing."""
    refund = _fresh(refund)
    if refund.stripe_id is None:
        return refund
    return settle(refund, found=stripe_api.retrieve_refund(refund.stripe_id), now=now)


@transaction.atomic
def settle(refund: CardRefund, *, found: stripe_api.Refund, now: datetime) -> CardRefund:
    """Write down what Stripe says: once, however often this is called. A bank may refuse days after it was made."""
    refund = _locked(refund)
    if refund.state == State.FAILED:
        return refund
    refund.stripe_id = found.id
    if found.status in ("failed", "canceled"):
        return _give_back(refund, now)
    if found.status == "succeeded" and refund.state != State.SUCCEEDED:
        refund.state, refund.settled_at = State.SUCCEEDED, now
        balance_mails.card_refunded(refund)
        log.info("refunded to card", refund=refund.pk)
    refund.save(update_fields=["stripe_id", "state", "settled_at"])
    return refund


def settle_unknown(*, now: datetime) -> int:
    """The sweep: settle what was left without an outcome. Returns how many refunds have one now."""
    left = CardRefund.objects.filter(state__in=CardRefund.UNDECIDED, created_at__lt=now - UNKNOWN_AFTER)
    settled = 0
    try:
        for refund in left.select_related("payment").order_by("created_at"):
            settled += _settle_left(refund, now)
    except stripe_api.NoAnswer as error:
        # Stripe is away for the others too: the next sweep asks again.
        log.warning("refunds still unknown", error=repr(error))
    return settled


def _settle_left(refund: CardRefund, now: datetime) -> bool:
    try:
        return _found_or_asked_for(refund, now).state not in CardRefund.UNDECIDED
    except stripe_api.NoAnswer:
        raise
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("refund not settled", refund=refund.pk)
        return False


def _found_or_asked_for(refund: CardRefund, now: datetime) -> CardRefund:
    if refund.stripe_id:
        return ask(refund, now=now)
    if refund.state == State.CREATED:
        return send(refund, now=now)
    made = next((each for each in _refunds_at_stripe(refund) if each.token == str(refund.token)), None)
    return settle(refund, found=made, now=now) if made else _ask_for(refund, now)


def _refunds_at_stripe(refund: CardRefund) -> list[stripe_api.Refund]:
    try:
        return stripe_api.refunds_of(str(refund.payment.stripe_id))
    except stripe_api.NotNow:
        raise
    except stripe_api.Rejected:
        # A charge that Stripe does not know has no refunds either.
        return []


def _ask_for(refund: CardRefund, now: datetime) -> CardRefund:
    try:
        found = stripe_api.create_refund(str(refund.payment.stripe_id), amount=refund.amount, token=str(refund.token))
    except (stripe_api.NoAnswer, stripe_api.NotNow) as error:
        # Nobody knows, or another time: it stays "sent" until the sweep has found out.
        log.warning("no answer to a refund", refund=refund.pk, error=repr(error))
        return refund
    except stripe_api.Rejected as error:
        log.warning("refund not made", refund=refund.pk, code=error.code)
        return _refuse(refund, now)
    return settle(refund, found=found, now=now)


@transaction.atomic
def _refuse(refund: CardRefund, now: datetime) -> CardRefund:
    refund = _locked(refund)
    return _give_back(refund, now) if refund.state in CardRefund.UNDECIDED else refund


def _give_back(refund: CardRefund, now: datetime) -> CardRefund:
    """Put the money of a locked refund that was not made back into the balance, once, and say so."""
    if refund.state == State.FAILED:
        return refund
    ledger.post(
        key=f"card-refund:{refund.pk}:back",
        kind=Transfer.Kind.REFUND,
        source=ledger.house(LedgerAccount.Kind.CARDS),
        target=ledger.of(refund.payment.account),
        amount=refund.amount,
        memo=f"Not refunded to {refund.payment.card}",
        made_at=now,
    )
    refund.state, refund.settled_at, refund.problem = State.FAILED, now, REFUSED
    refund.save(update_fields=["stripe_id", "state", "settled_at", "problem"])
    balance_mails.card_not_refunded(refund)
    return refund


def _left_of(payment: Payment) -> Decimal:
    if payment.state != Payment.State.SUCCEEDED:
        return ZERO
    gone = payment.refunds.exclude(state=State.FAILED).aggregate(total=Sum("amount"))["total"] or ZERO
    return payment.amount - gone


def _locked(refund: CardRefund) -> CardRefund:
    about = CardRefund.objects.select_related("payment__card", "payment__account__user")
    return about.select_for_update(of=("self",)).get(pk=refund.pk)


def _fresh(refund: CardRefund) -> CardRefund:
    return CardRefund.objects.select_related("payment__card", "payment__account__user").get(pk=refund.pk)
