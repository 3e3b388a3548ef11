"""Background work of orders: finishing what a card payment decided."""

import structlog
from celery import shared_task

from callcentric import clock
from orders import cart, checkout

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
