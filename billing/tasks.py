"""Background work of billing: what Stripe has told, and payments whose outcome nobody knows yet."""

from datetime import timedelta

import structlog
from celery import shared_task

from accounts.models import Account
from billing import (
    card_refunds,
    card_renewals,
    cycle,
    emergency,
    events,
    low_balance,
    payments,
    recharge,
    rehearsal,
    statements,
)
from billing.models import CardRefund, CycleRun, StripeEvent
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
def send_refund(*, refund_id: int) -> None:
    refund = card_refunds.send(CardRefund.objects.get(pk=refund_id), now=clock.now())
    log.info("refund sent", refund=refund.pk, state=refund.state)


@shared_task
def settle_unknown_refunds() -> None:
    settled = card_refunds.settle_unknown(now=clock.now())
    if settled:
        log.info("unknown refunds settled", refunds=settled)


@shared_task
def recharge_balances() -> None:
    """One task for each account whose card shall add money."""
    for account_id in recharge.due(now=clock.now()):
        recharge_balance.delay(account_id=account_id)


@shared_task
def recharge_balance(*, account_id: int) -> None:
    payment = recharge.recharge(Account.objects.get(pk=account_id), now=clock.now())
    if payment:
        log.info("auto-recharge", payment=payment.pk, state=payment.state)


@shared_task
def tell_of_low_balances() -> None:
    told = low_balance.tell(now=clock.now())
    if told:
        log.info("low balances told", accounts=told)


@shared_task
def review_911() -> None:
    changed = emergency.review_all(now=clock.now())
    if changed:
        log.info("911 moved or ended", accounts=changed)


@shared_task
def run_cycle() -> None:
    today = clock.today()
    cycle.run(on=today, now=clock.now(), charge_cards=hand_on_turns)


@shared_task
def hand_on_turns() -> int:
    """Hand each card that has its turn within a minute to a task of its own, for that moment."""
    now = clock.now()
    found = card_renewals.turns(now=now, within=timedelta(minutes=1))
    for cycle_id, turn_at in found:
        renew_by_card.apply_async(
            kwargs={"cycle_id": cycle_id}, countdown=max((turn_at - now).total_seconds(), 0), expires=170
        )
    return len(found)


@shared_task
def renew_by_card(*, cycle_id: int) -> None:
    card_renewals.charge(cycle_id, today=clock.today(), now=clock.now())
    log.info("card had its turn", cycle=cycle_id)


@shared_task
def make_statements() -> None:
    made = statements.make_due(now=clock.now())
    if made:
        log.info("statements made", statements=made)


@shared_task
def rehearse(*, run_id: int) -> None:
    run = CycleRun.objects.get(pk=run_id)
    if rehearsal.rehearse(run, now=clock.now):
        log.info("cycle rehearsed", run=run_id, accounts=run.done)


@shared_task
def rehearse_left_over() -> None:
    for run_id in CycleRun.objects.to_rehearse(now=clock.now()).values_list("pk", flat=True):
        rehearse.delay(run_id=run_id)
