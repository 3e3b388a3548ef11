"""The daily match of ledger, Stripe and bills, with orders: billing does not know them (billing/reconciliation.py)."""

from collections.abc import Iterator
from datetime import date, datetime

from billing import bill_match, reconciliation
from billing.findings import Day, Finding
from billing.models import Match

_ORDERS = """
SELECT * FROM (
    SELECT account_id, 'order:' || id AS key, subtotal AS net, tax, completed_at AS at
    FROM orders_order WHERE state = 'completed'
) completed WHERE at >= %(since)s AND at < %(until)s OR key = ANY(%(open)s)
"""


def match(*, on: date, now: datetime) -> Match:
    """Match one business day. Raises StripeError where Stripe does not answer."""
    return reconciliation.match(on=on, now=now, more=[orders])


def match_missed(*, now: datetime) -> list[Match]:
    """Match every day that is over and was not matched since."""
    return reconciliation.match_missed(now=now, more=[orders])


def orders(day: Day) -> Iterator[Finding]:
    """Every order of the day and its charge."""
    return bill_match.compare_bills(day, bills=_ORDERS, prefix="order", what="order")
