"""Background work of billing: what Stripe has told, and payments whose outcome nobody knows yet."""

import structlog
from celery import shared_task

from billing import emergency, events, payments
from billing.models import StripeEvent
from callcentric import clock

log = structlog.get_logger(__name__)


@shared_task
def act_on_event(*, event_id: int) -> None:
    event = StripeEvent.objects.get(pk=event_id)
    events.act_on(event, now=clock.now())
    log.info("event acted on", stripe_event=event.stripe_id, type=event.type)


@shared_task
def act_on_events() -> None:
    found = events.act_on_left_over(now=clock.now())
    if found:
        log.info("left-over events acted on", events=found)


@shared_task
def settle_unknown_payments() -> None:
    settled = payments.settle_unknown(now=clock.now())
    if settled:
        log.info("unknown payments settled", payments=settled)


@shared_task
def review_911() -> None:
    changed = emergency.review_all(now=clock.now())
    if changed:
        log.info("911 moved or ended", accounts=changed)
