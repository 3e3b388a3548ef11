"""Background work of support: tickets that nobody has opened by hand, and those that nobody has to close by hand."""

import structlog
from celery import shared_task

from callcentric import clock
from support import closing, tickets

log = structlog.get_logger(__name__)


@shared_task
def open_tickets_for_failed_911() -> None:
    opened = tickets.open_for_failed_911(now=clock.now())
    if opened:
        log.info("tickets opened for failed 911", tickets=opened)


@shared_task
def close_resolved_tickets() -> None:
    closed = closing.close_resolved(now=clock.now())
    if closed:
        log.info("resolved tickets closed", tickets=closed)
