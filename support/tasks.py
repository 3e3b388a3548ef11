"""Background work of support: tickets that nobody has opened by hand."""

import structlog
from celery import shared_task

from callcentric import clock
from support import tickets

log = structlog.get_logger(__name__)


@shared_task
def open_tickets_for_failed_911() -> None:
    opened = tickets.open_for_failed_911(now=clock.now())
    if opened:
        log.info("tickets opened for failed 911", tickets=opened)
