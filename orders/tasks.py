"""Background work of orders: what a card payment decided, numbers that did not come, carts that were left."""

import structlog
from celery import shared_task

from callcentric import clock
from orders import back_orders, cart, checkout, reconciliation

log = structlog.get_logger(__name__)


@shared_task
def finish_orders() -> None:
    finished = checkout.finish_all(now=clock.now())
    if finished:
        log.info("orders finished", orders=finished)


@shared_task
def forget_visitors_carts() -> None:
    forgotten = cart.forget_visitors(now=clock.now())
    log.info("visitors' carts forgotten", carts=forgotten)


@shared_task
def refund_overdue_back_orders() -> None:
    refunded = back_orders.refund_overdue(now=clock.now())
    if refunded:
        log.info("orders refunded that no number came for", orders=refunded)


@shared_task
def match_days() -> None:
    for made in reconciliation.match_missed(now=clock.now()):
        log.info("ledger, Stripe and bills matched", on=str(made.on), differences=made.differences)
