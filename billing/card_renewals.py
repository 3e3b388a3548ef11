"""Renews services by card: one charge an account and day, each at its turn, and then settled from the balance.

What a card pays always lands in the balance first; the renewal is paid from there (design.md §2). So a charge whose
outcome comes late, or never, loses nothing: whoever looks next finds it.
"""

from datetime import date, datetime, timedelta
from uuid import UUID, uuid5

import structlog
from django.db import transaction
from django.db.models import Q

from billing import declines, due, payments, settling
from billing.due import Decided, Fate
from billing.models import Cycle, Payment
from callcentric.errors import Refused

log = structlog.get_logger(__name__)

# Names a cycle's payment of a day, so that whoever makes it makes the same one.
_PAYMENTS = UUID("5f0c7a52-6f0e-4a0e-9d3b-6a4f5d2c8b10")
BANK_ASKS = "Your bank wants you to confirm the payment. We sent you a link by e-mail."
PAID_OTHERWISE = "Your services were renewed without it. Nothing was charged."
# A turn that passed so long ago was handed to somebody who is gone; one that has just passed was not handed on yet.
LOST_AFTER, JUST_PASSED = timedelta(minutes=3), timedelta(seconds=5)


def turns(*, now: datetime, within: timedelta) -> list[tuple[int, datetime]]:
    """The cycles whose card has its turn until ``within`` from now, each with its moment; and those that missed it."""
    next_ones = Q(turn_at__gt=now - JUST_PASSED, turn_at__lte=now + within) | Q(turn_at__lte=now - LOST_AFTER)
    found = Cycle.objects.open().filter(next_ones).order_by("turn_at")
    return [(cycle, at) for cycle, at in found.values_list("pk", "turn_at") if at]


def charge(cycle_id: int, *, today: date, now: datetime) -> None:
    """Charge the card of a cycle that has its turn, and settle it.

    1. Under the cycle's lock: look again what is due, and write the payment down.
    2. Charge it, with no transaction open; where it was begun before, ask what became of it.
    3. Settle from the balance, or say that today's attempt has failed.
    Safe to call at any time and any number of times: a day has one payment.
    """
    payment = _begin(cycle_id, today, now)
    if payment is None:
        return
    if payment.state == Payment.State.CREATED:
        payment = payments.charge(payment, now=now)
    elif not payment.is_decided:
        payment = payments.refresh(payment, now=now)
    conclude(cycle_id, payment, today=today, now=now)


def conclude(cycle_id: int, payment: Payment, *, today: date, now: datetime) -> None:
    """Settle a cycle whose payment is decided, or waits for its customer; one that nobody knows of yet stays."""
    if payment.state in (Payment.State.CREATED, Payment.State.SENT):
        return
    cycle = Cycle.objects.get(pk=cycle_id)
    problem = BANK_ASKS if payment.state == Payment.State.NEEDS_CUSTOMER else payment.problem
    # Where the card was declined, the balance may cover it all the same.
    settling.settle_or_park(
        [cycle.account_id],
        month=cycle.month,
        today=today,
        now=now,
        balance_alone=True,
        problem=problem or settling.NO_MEANS,
    )


def call_off(cycle: Cycle, *, now: datetime) -> bool:
    """End a payment that still waits for its customer, before the services end; False where Stripe does not say so."""
    if cycle.payment is None or cycle.payment.is_decided:
        return True
    return payments.call_off(cycle.payment, now=now, problem=payments.NOT_CONFIRMED).is_decided


def call_off_needless(*, now: datetime) -> int:
    """End payments that wait for a customer whose renewal was paid otherwise meanwhile, or is not due any more."""
    waiting = Payment.objects.filter(state=Payment.State.NEEDS_CUSTOMER, purpose=Payment.Purpose.RENEWAL)
    needed = Cycle.objects.exclude(state=Cycle.State.SETTLED).filter(payment__in=waiting).values("payment")
    needless = list(waiting.exclude(pk__in=needed).select_related("card", "account"))
    return sum(payments.call_off(payment, now=now, problem=PAID_OTHERWISE).is_decided for payment in needless)


def _begin(cycle_id: int, today: date, now: datetime) -> Payment | None:
    """The payment of today, written down; None where there is nothing to charge, and then the cycle says why."""
    problem = settling.NO_MEANS
    with transaction.atomic():
        cycle = Cycle.objects.open().filter(pk=cycle_id).select_for_update(of=("self",), skip_locked=True).first()
        if cycle is None or cycle.turn_at is None:
            return None
        last = cycle.payment
        if last and not last.is_decided:
            return last
        decided = _decided(cycle, last, today)
        if decided and decided.fate == Fate.CARD:
            if not (last and _is_hopeless(last, decided)):
                try:
                    return _write_down(cycle, decided, today, now)
                except Refused as refusal:
                    problem = str(refusal)
            else:
                problem = last.problem
    settling.settle_or_park(
        [cycle.account_id], month=cycle.month, today=today, now=now, balance_alone=True, problem=problem
    )
    return None


def _decided(cycle: Cycle, last: Payment | None, today: date) -> Decided | None:
    """What is due and what pays it now. What a card has paid for it before is in the balance, and comes first."""
    accounts = [cycle.account_id]
    if last and last.state == Payment.State.SUCCEEDED:
        found = due.decide(accounts=accounts, month=cycle.month, today=today, balance_alone=True)
        # Unless the customer has spent it otherwise meanwhile.
        if not found or found[0].fate != Fate.FAIL:
            return next(iter(found), None)
    return next(iter(due.decide(accounts=accounts, month=cycle.month, today=today)), None)


def _write_down(cycle: Cycle, decided: Decided, today: date, now: datetime) -> Payment:
    # A day has one payment; but one that stopped before the bank was asked was none.
    after = f":{cycle.payment_id}" if cycle.payment and cycle.payment.problem == payments.INTERRUPTED else ""
    card = cycle.account.cards.select_related("account__card_holder").get(pk=decided.card_id or 0)
    cycle.payment = payments.begin(
        account=card.account,
        card=card,
        amount=decided.from_card,
        purpose=Payment.Purpose.RENEWAL,
        token=uuid5(_PAYMENTS, f"{cycle.pk}:{cycle.part}:{today}{after}"),
        now=now,
        on_session=False,
    )
    cycle.save(update_fields=["payment"])
    return cycle.payment


def _is_hopeless(last: Payment, decided: Decided) -> bool:
    """Whether this very card was declined for good: the customer must act, and asking again only annoys the bank."""
    if last.card_id != decided.card_id or last.state != Payment.State.FAILED:
        return False
    return bool(last.decline_code) and not declines.can_try_again(last.decline_code)
