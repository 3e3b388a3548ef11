"""Background work of orders: finishing what a card payment decided."""

import structlog
from celery import shared_task

from callcentric import clock
from orders import checkout

log = structlog.get_logger(__name__)


@shared_task
def finish_orders() -> None:
    finished = checkout.finish_all(now=clock.now())
    if finished:
        log.info("orders finished", orders=finished)
