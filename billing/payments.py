"""Charges cards, so that whatever happens in between ends in one charge or none.

1. ``begin`` writes the payment down, before anybody is asked.
2. ``charge`` takes it for itself, prepares a charge at Stripe, writes down its name, and then confirms it.
3. ``settle`` moves the money into the balance when Stripe says that it was taken.

Nothing is charged but by confirming a charge whose name we know. So where the outcome is unknown (no
answer, a crash, a time-out) it is asked for by that name: by the customer's page, by Stripe's webhook, by the
sweep.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from accounts.models import Account
from billing import declines, ledger, mails, recharge_outcomes, stripe_api
from billing.models import Card, LedgerAccount, Payment, Transfer
from callcentric import clock
from callcentric.errors import Refused
from callcentric.money import to_cents

log = structlog.get_logger(__name__)

State = Payment.State

# After this long no process is still in the middle of a charge: each call gives up much sooner.
UNKNOWN_AFTER = timedelta(minutes=2)
# How long a payment waits for its customer: on the page, and after an e-mail with a link to it.
PATIENCE_ON_SESSION = timedelta(minutes=30)
PATIENCE_OFF_SESSION = timedelta(days=7)
# So many declines in 24 hours end an account's card payments for the day: stolen cards are tried out in long rows.
DECLINES_A_DAY = 10

NOT_TAKEN = "The card processor did not take the payment. Nothing was charged. Try again in a few minutes."
INTERRUPTED = "The payment was interrupted before the bank was asked. Nothing was charged. Try again."
NOT_CONFIRMED = "The payment was not confirmed in time. Nothing was charged. Try again."
CALLED_OFF = "You cancelled the payment. Nothing was charged."


class CardProblem(Refused):
    """The card cannot be used."""


def begin(
    *,
    account: Account,
    card: Card,
    amount: Decimal,
    purpose: str,
    token: UUID,
    now: datetime,
    on_session: bool = True,
) -> Payment:
    """Write a payment down. The same token for the same purpose returns the payment it began, whatever else is passed.

    Raises CardProblem for a card that has expired, was removed or is not the account's, for a token of something else,
    and for an account whose cards were declined too often today.
    """
    made = Payment.objects.filter(token=token).select_related("card", "account").first()
    if made is None:
        _check_card(account, card, now)
        _check_declines(account, now)
        if amount != to_cents(amount):
            raise ValueError(f"A card is charged in whole cents, not {amount}.")
        payment = Payment(
            account=account,
            card=card,
            amount=amount,
            purpose=purpose,
            token=token,
            created_at=now,
            on_session=on_session,
        )
        # Somebody may have pressed the button twice: the first row stays.
        Payment.objects.bulk_create([payment], ignore_conflicts=True)
        made = Payment.objects.select_related("card", "account").get(token=token)
    if (made.account_id, made.purpose) != (account.pk, purpose):
        raise CardProblem("This page is out of date. Open it again and start anew.")
    return made


def charge(payment: Payment, *, now: datetime) -> Payment:
    """Charge the card of a payment that was begun. Of all who try, one does; the others get it as it is."""
    if not Payment.objects.filter(pk=payment.pk, state=State.CREATED).update(state=State.SENT, sent_at=now):
        return _fresh(payment)
    try:
        intent = stripe_api.create_intent(
            customer=payment.account.card_holder.stripe_id,
            payment_method=payment.card.stripe_id,
            amount=payment.amount,
            token=str(payment.token),
        )
    except stripe_api.StripeError as error:
        # Whatever became of it: what is not confirmed is not charged.
        log.warning("charge not prepared", payment=payment.pk, error=repr(error))
        return _fail(payment, now=now, problem=_why_not_prepared(error))
    # Only while it is still ours: the sweep has given it up if this process was away for minutes.
    sent = Payment.objects.filter(pk=payment.pk, state=State.SENT).update(stripe_id=intent.id)
    payment = _fresh(payment)
    return _confirm(payment, now=now) if sent else payment


def refresh(payment: Payment, *, now: datetime) -> Payment:
    """Ask Stripe what became of a payment, and settle it; where Stripe says nothing, the payment stays."""
    try:
        return ask(payment, now=now)
    except stripe_api.StripeError as error:
        log.warning("no answer about payment", payment=payment.pk, error=repr(error))
        return _fresh(payment)


def ask(payment: Payment, *, now: datetime) -> Payment:
    """The same, but raises StripeError where Stripe says nothing. Safe at any time, any number of times."""
    payment = _fresh(payment)
    if payment.state == State.SUCCEEDED or payment.stripe_id is None:
        return payment
    # A charge that is prepared and still not confirmed after minutes never will be: end it.
    return _ask(payment, now=now, give_up=_is_overdue(payment, now))


def what_bank_asks(payment: Payment) -> stripe_api.Intent | None:
    """What the customer's page needs to have the bank ask its question; None where there is none now."""
    if payment.state != State.NEEDS_CUSTOMER:
        return None
    try:
        intent = stripe_api.retrieve_intent(str(payment.stripe_id))
    except stripe_api.StripeError as error:
        log.warning("no answer about payment", payment=payment.pk, error=repr(error))
        return None
    return intent if _wants_customer(intent, payment) else None


def call_off(payment: Payment, *, now: datetime, problem: str = CALLED_OFF) -> Payment:
    """End a payment that waits for the customer, at Stripe first: after that it cannot be paid any more.

    Where Stripe says that it is too late, the payment becomes what it says; where it says nothing, it stays.
    """
    payment = _fresh(payment)
    if payment.state != State.NEEDS_CUSTOMER:
        return payment
    try:
        return _end(payment, now=now, problem=problem)
    except stripe_api.StripeError as error:
        log.warning("payment not called off", payment=payment.pk, error=repr(error))
        return payment


def settle(payment: Payment, *, intent: stripe_api.Intent, now: datetime) -> Payment:
    """Write down what Stripe says, and move the money if it was taken: once, however often this is called."""
    if _has_failed(intent) and not _wants_customer(intent, payment):
        return _settle_failure(payment, intent, now)
    with transaction.atomic():
        payment = _locked(payment)
        if payment.state == State.SUCCEEDED:
            return payment
        if intent.status == "succeeded":
            return _take_in(payment, intent, now)
        if payment.state == State.SENT and _wants_customer(intent, payment):
            payment.state = State.NEEDS_CUSTOMER
            payment.save(update_fields=["state"])
            if not payment.on_session:
                mails.payment_needs_customer(payment)
    return payment


def settle_unknown(*, now: datetime) -> int:
    """The sweep: settle what was left without an outcome. Returns how many payments have one now."""
    overdue = now - UNKNOWN_AFTER
    left = Payment.objects.undecided().filter(
        Q(state=State.CREATED, created_at__lt=overdue)
        | Q(state=State.SENT, sent_at__lt=overdue)
        | Q(state=State.NEEDS_CUSTOMER, on_session=True, sent_at__lt=now - PATIENCE_ON_SESSION)
        | Q(state=State.NEEDS_CUSTOMER, on_session=False, sent_at__lt=now - PATIENCE_OFF_SESSION)
    )
    settled = 0
    try:
        for payment in left.select_related("card", "account"):
            settled += _settle_left(payment, now)
    except stripe_api.NoAnswer as error:
        # Stripe is away for the others too: the next sweep asks again.
        log.warning("payments still unknown", error=repr(error))
    return settled


def _settle_left(payment: Payment, now: datetime) -> bool:
    try:
        if payment.stripe_id is None:
            # Only as long as no charge has been prepared since the row was read.
            settled = _fail(payment, now=now, problem=INTERRUPTED, stripe_id=None)
        elif payment.state == State.NEEDS_CUSTOMER:
            settled = call_off(payment, now=now, problem=NOT_CONFIRMED)
        else:
            settled = ask(payment, now=now)
    except stripe_api.NoAnswer:
        raise
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("payment not settled", payment=payment.pk)
        return False
    return settled.is_decided


def _check_card(account: Account, card: Card, now: datetime) -> None:
    if card.account_id != account.pk or card.removed_at:
        raise CardProblem("This card is not among your cards any more. Choose another one.")
    if card.has_expired(now.astimezone(clock.BUSINESS_ZONE).date()):
        raise CardProblem(f"Your {card} expired {card.expires}. Choose another card, or add one.")


def _check_declines(account: Account, now: datetime) -> None:
    """Whoever has many cards declined in a day is guessing, or needs help that another try does not give."""
    declined = Payment.objects.filter(account=account, state=State.FAILED, created_at__gt=now - timedelta(days=1))
    if declined.exclude(decline_code="").count() >= DECLINES_A_DAY:
        raise CardProblem("Too many payments were declined today. Try again tomorrow, or ask your bank what is wrong.")


def _confirm(payment: Payment, *, now: datetime) -> Payment:
    try:
        intent = stripe_api.confirm_intent(
            str(payment.stripe_id), token=str(payment.token), on_session=payment.on_session
        )
    except stripe_api.NoAnswer as error:
        # Nobody knows: it stays "sent" until somebody does.
        log.warning("no answer to a charge", payment=payment.pk, error=repr(error))
        return payment
    except stripe_api.Rejected as error:
        log.info("charge not made", payment=payment.pk, code=error.code)
        return _ask_why(payment, now=now)
    return settle(payment, intent=intent, now=now)


def _ask_why(payment: Payment, *, now: datetime) -> Payment:
    try:
        return _ask(payment, now=now, give_up=True)
    except stripe_api.StripeError as error:
        log.warning("no answer about payment", payment=payment.pk, error=repr(error))
        return payment


def _ask(payment: Payment, *, now: datetime, give_up: bool) -> Payment:
    """Settle it as Stripe says; ``give_up`` ends it where Stripe still waits to be told to charge it."""
    intent = stripe_api.retrieve_intent(str(payment.stripe_id))
    if intent.status == "requires_confirmation" and give_up:
        return _end(payment, now=now, problem=INTERRUPTED)
    return settle(payment, intent=intent, now=now)


def _end(payment: Payment, *, now: datetime, problem: str, code: str = "") -> Payment:
    """Cancel it at Stripe, then here. Stripe decides who is first, a confirmation or this."""
    try:
        stripe_api.cancel_intent(str(payment.stripe_id))
    except stripe_api.Rejected:
        intent = stripe_api.retrieve_intent(str(payment.stripe_id))
        if intent.status == "requires_payment_method":
            # It could have been called off: Stripe had no time. Settling it would only ask for the same again.
            raise
        if intent.status != "canceled":
            return settle(payment, intent=intent, now=now)
    return _fail(payment, now=now, problem=problem, code=code)


def _take_in(payment: Payment, intent: stripe_api.Intent, now: datetime) -> Payment:
    is_deposit = payment.purpose in Payment.DEPOSITS
    ledger.post(
        key=f"stripe:{intent.id}",
        kind=Transfer.Kind.DEPOSIT if is_deposit else Transfer.Kind.CARD_PAYMENT,
        source=ledger.house(LedgerAccount.Kind.CARDS),
        target=ledger.of(payment.account),
        amount=payment.amount,
        memo=str(payment.card),
        made_at=now,
    )
    payment.state = State.SUCCEEDED
    payment.settled_at = now
    payment.problem = payment.decline_code = ""
    payment.save(update_fields=["state", "settled_at", "problem", "decline_code"])
    if payment.purpose == Payment.Purpose.RECHARGE:
        recharge_outcomes.succeeded(payment)
    log.info("card charged", payment=payment.pk)
    return payment


def _settle_failure(payment: Payment, intent: stripe_api.Intent, now: datetime) -> Payment:
    problem = declines.in_words(intent.decline_code) if intent.decline_code else NOT_CONFIRMED
    if payment.state == State.NEEDS_CUSTOMER and intent.status != "canceled":
        # The page the customer has open could confirm it once more.
        return _end(payment, now=now, problem=problem, code=intent.decline_code)
    return _fail(payment, now=now, problem=problem, code=intent.decline_code)


def _fail(payment: Payment, *, now: datetime, problem: str, code: str = "", **still: Any) -> Payment:
    """End it here, as long as nobody has decided it and its row is ``still`` as the caller has read it."""
    changes = {"state": State.FAILED, "problem": problem, "settled_at": now}
    if code:
        changes["decline_code"] = code
    with transaction.atomic():
        failed = Payment.objects.undecided().filter(pk=payment.pk, **still).update(**changes)
        payment = _fresh(payment)
        if failed and payment.purpose == Payment.Purpose.RECHARGE:
            # A customer who was asked and did not confirm is not asked again.
            again = problem not in (NOT_CONFIRMED, CALLED_OFF) and declines.can_try_again(payment.decline_code)
            recharge_outcomes.failed(payment, can_try_again=again, now=now)
    return payment


def _has_failed(intent: stripe_api.Intent) -> bool:
    return intent.status in ("requires_payment_method", "canceled")


def _wants_customer(intent: stripe_api.Intent, payment: Payment) -> bool:
    """Whether the bank waits for the customer: asked now, or refused because nobody was there to ask."""
    refused_unasked = intent.status == "requires_payment_method" and not payment.on_session
    return intent.status == "requires_action" or (refused_unasked and intent.decline_code == "authentication_required")


def _is_overdue(payment: Payment, now: datetime) -> bool:
    return payment.sent_at is not None and payment.sent_at < now - UNKNOWN_AFTER


def _why_not_prepared(error: stripe_api.StripeError) -> str:
    return declines.in_words(error.code) if isinstance(error, stripe_api.Declined) else NOT_TAKEN


def _locked(payment: Payment) -> Payment:
    return Payment.objects.select_for_update(of=("self",)).select_related("card", "account").get(pk=payment.pk)


def _fresh(payment: Payment) -> Payment:
    return Payment.objects.select_related("card", "account", "account__card_holder").get(pk=payment.pk)
