"""Calendar months as they are billed (domain.md §5, §6). Dates and amounts in, dates and amounts out."""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from callcentric.clock import BUSINESS_ZONE
from callcentric.money import to_cents

# From this day on the cycle is collecting the next month, so an order pays for that month too.
CYCLE_STARTS_ON_DAY = 27
# To this day of the month one click reorders what failed rebilling ended (domain.md §6).
REORDER_ENDS_ON_DAY = 19
# No set-up fee on what is reclaimed or added again so soon after it ended: ``days <= 19`` (domain.md §7).
NO_SETUP_FEE_FOR = timedelta(days=19)


def last_day(day: date) -> date:
    """The last day of the month ``day`` is in."""
    return day.replace(day=monthrange(day.year, day.month)[1])


def next_month(day: date) -> date:
    """The first day of the month after the one ``day`` is in."""
    return last_day(day) + timedelta(days=1)


def month_before(day: date) -> date:
    """The first day of the month before the one ``day`` is in."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def between(first: date, last: date) -> list[date]:
    """The first days of all months from the one of ``first`` to the one of ``last``."""
    found = []
    month = first.replace(day=1)
    while month <= last:
        found.append(month)
        month = next_month(month)
    return found


def begins_at(month: date) -> datetime:
    """The moment at which the month of a date begins in New York."""
    return datetime.combine(month.replace(day=1), time.min, tzinfo=BUSINESS_ZONE)


def days_left(today: date) -> int:
    """Days of this month that are still to come, today included."""
    return (last_day(today) - today).days + 1


def pays_next_month_too(today: date) -> bool:
    """Whether an order made ``today`` also pays the whole next month, so that the cycle need not catch it."""
    return is_collecting(today)


def is_collecting(today: date) -> bool:
    """Whether the cycle is collecting the next month: then nothing can be cancelled (domain.md §6)."""
    return today.day >= CYCLE_STARTS_ON_DAY


def collected(today: date) -> date:
    """The first day of the month that the cycle collects on ``today``: the next one from the 27th on, else this one."""
    return next_month(today) if is_collecting(today) else today.replace(day=1)


def rest_of_month(monthly: Decimal, today: date) -> Decimal:
    """The part of a monthly fee for the days left of this month, today included, rounded half-up to the cent."""
    return to_cents(monthly * days_left(today) / last_day(today).day)


def paid_until(today: date) -> date:
    """The last day that an order made ``today`` pays for."""
    return last_day(next_month(today)) if pays_next_month_too(today) else last_day(today)


def renews_on(paid_to: date) -> date:
    """The day of the first attempt to renew a service that is paid to ``paid_to``."""
    return paid_to.replace(day=CYCLE_STARTS_ON_DAY)
