"""The Celery application and the beat table.

PostgreSQL holds the work and Celery only wakes it: each entry below is a sweep over rows that are due, so a beat that
is missed, late or doubled does no harm.
"""

import os
from typing import Any

import structlog
from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "callcentric.settings")

app = Celery("callcentric")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Carries the request id of the page into the tasks that the page started.
app.steps["worker"].add(DjangoStructLogInitStep)

# A sweep that could not begin within its minute is not missed: the next one does the same.
SWEEP = {"schedule": 60.0, "options": {"expires": 55}}

app.conf.beat_schedule = {
    "settle payments whose outcome is unknown": {
        "task": "billing.tasks.settle_unknown_payments",
        **SWEEP,
    },
    # Whatever the business date calls for; on most days that is next to nothing.
    "run the cycle": {
        "task": "billing.tasks.run_cycle",
        "schedule": 300.0,
        "options": {"expires": 290},
    },
    "hand cards their turn at Stripe": {
        "task": "billing.tasks.hand_on_turns",
        **SWEEP,
    },
    "add money by auto-recharge": {
        "task": "billing.tasks.recharge_balances",
        **SWEEP,
    },
    "tell of balances that have run low": {
        "task": "billing.tasks.tell_of_low_balances",
        **SWEEP,
    },
    "carry out rehearsals of the cycle that were left": {
        "task": "billing.tasks.rehearse_left_over",
        **SWEEP,
    },
    "act on Stripe events left over": {
        "task": "billing.tasks.act_on_events",
        **SWEEP,
    },
    "settle refunds to cards whose outcome is unknown": {
        "task": "billing.tasks.settle_unknown_refunds",
        **SWEEP,
    },
    "finish orders whose card payment came through": {
        "task": "orders.tasks.finish_orders",
        **SWEEP,
    },
    "open tickets for 911 that failed": {
        "task": "support.tasks.open_tickets_for_failed_911",
        **SWEEP,
    },
    # Days end at midnight in New York.
    "close tickets that were resolved 7 days ago": {
        "task": "support.tasks.close_resolved_tickets",
        "schedule": crontab(minute=12),
    },
    # A change of address and an order do it at once; this is for what ends a plan or a number.
    "move and end 911 that is not where it should be": {
        "task": "billing.tasks.review_911",
        "schedule": crontab(minute="*/15"),
    },
    "send e-mails left in the queue": {
        "task": "post_office.tasks.send_queued_mail",
        **SWEEP,
    },
    "end holds of carts whose time is over": {
        "task": "phone_numbers.tasks.end_holds",
        **SWEEP,
    },
    "count up what has changed in the stock": {
        "task": "phone_numbers.tasks.count_up",
        **SWEEP,
    },
    "load files of numbers that wait": {
        "task": "phone_numbers.tasks.load_files",
        **SWEEP,
    },
    # Days end at midnight in New York. Every hour, for a number that was locked then, or a beat that was away.
    "return numbers to stock after their 45 days": {
        "task": "phone_numbers.tasks.return_to_stock",
        "schedule": crontab(minute=2),
    },
    "refund orders that no number came for in 30 days": {
        "task": "orders.tasks.refund_overdue_back_orders",
        "schedule": crontab(minute=7),
    },
    # Due on the 1st from 02:00 on; what is missing later, whenever the beat comes back.
    "make the statements of months that are over": {
        "task": "billing.tasks.make_statements",
        "schedule": crontab(minute=12),
    },
    # Early in the morning for the day before; and every hour, for a day when Stripe or the beat was away.
    "match ledger, Stripe and bills of the days that are over": {
        "task": "orders.tasks.match_days",
        "schedule": crontab(hour="4-23", minute=40),
    },
    # What nobody needs any more, at night.
    "forget sessions that have ended": {
        "task": "accounts.tasks.forget_ended_sessions",
        "schedule": crontab(hour=3, minute=10),
    },
    "forget e-mails after 90 days": {
        "task": "post_office.tasks.cleanup_mail",
        "schedule": crontab(hour=3, minute=20),
    },
    "forget carts that visitors have left": {
        "task": "orders.tasks.forget_visitors_carts",
        "schedule": crontab(hour=3, minute=30),
    },
}


@setup_logging.connect
def _log_as_the_portal_does(**kwargs: Any) -> None:
    """Keep Celery from replacing the logging that Django's settings have set up."""
    from django.conf import settings
    from django.utils.log import configure_logging

    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    structlog.get_logger(__name__).debug("logging is set up")
