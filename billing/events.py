"""Keeps what Stripe's webhooks say, once each, and acts on it.

An event is only a hint that something changed. What became of the object is asked for when it is acted on, so
events may come in any order and any number of times.
"""

from datetime import datetime, timedelta

import structlog

from billing import card_refunds, cards, payments, stripe_api
from billing.models import CardHolder, CardRefund, Payment, StripeEvent
from callcentric.errors import Refused

log = structlog.get_logger(__name__)

# An event that cannot be acted on for this long is left to staff, who see it in the admin.
GIVE_UP_AFTER = timedelta(days=3)


def keep(event: stripe_api.Event, *, now: datetime) -> StripeEvent:
    """The row of an event: a new one, or the one it has."""
    StripeEvent.objects.bulk_create(
        [
            StripeEvent(
                stripe_id=event.id,
                type=event.type,
                object_id=event.object_id,
                customer=event.customer,
                received_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    return StripeEvent.objects.get(stripe_id=event.id)


def act_on(event: StripeEvent, *, now: datetime) -> None:
    """Bring what the event is about to its present state. An event that was acted on is left alone."""
    if event.acted_at:
        return
    try:
        _act(event, now)
    except stripe_api.StripeError as error:
        StripeEvent.objects.filter(pk=event.pk).update(problem=repr(error)[:300])
        return
    except Refused as refusal:
        # Such as a card that has expired: said to the customer by the page, and nothing to try again.
        log.info("event refused", stripe_event=event.stripe_id, refusal=str(refusal))
    StripeEvent.objects.filter(pk=event.pk, acted_at__isnull=True).update(acted_at=now, problem="")


def act_on_left_over(*, now: datetime) -> int:
    """Act on the events that no task has acted on; returns how many there were."""
    left = StripeEvent.objects.not_acted_on().filter(received_at__gt=now - GIVE_UP_AFTER)
    events = list(left.order_by("received_at"))
    for event in events:
        try:
            act_on(event, now=now)
        except Exception:
            # One that we cannot deal with must not keep the others waiting.
            log.exception("event not acted on", stripe_event=event.stripe_id)
    return len(events)


def _act(event: StripeEvent, now: datetime) -> None:
    if event.type.startswith("payment_intent."):
        payment = Payment.objects.filter(stripe_id=event.object_id).first()
        if payment:
            payments.ask(payment, now=now)
    elif event.object_id.startswith("re_"):
        refund = CardRefund.objects.filter(stripe_id=event.object_id).first()
        if refund:
            card_refunds.ask(refund, now=now)
    elif event.type == "setup_intent.succeeded":
        holder = CardHolder.objects.select_related("account").filter(stripe_id=event.customer).first()
        if holder:
            cards.keep(account=holder.account, setup_id=event.object_id, now=now)
