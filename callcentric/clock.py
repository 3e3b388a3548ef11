"""The one clock: what time it is for the business, and what day.

The business runs in New York (domain.md), so "today" is the date there, never the server's. In development the date
can be moved for every process at once: the number of days lies in a file that all of them read. In production
``settings.CLOCK_FILE`` is None and the file is never looked at.
"""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

BUSINESS_ZONE = ZoneInfo("America/New_York")


class ClockIsReal(Exception):
    """Somebody tried to move the clock where that is impossible, as it is in production."""


def now() -> datetime:
    """The business time, aware, in New York; moved by whole days where development has moved it."""
    # Wall-clock arithmetic: a moved clock keeps the hour of the day across a change to summer time.
    return timezone.now().astimezone(BUSINESS_ZONE) + timedelta(days=_days_moved())


def today() -> date:
    """The business date: every rule that counts days counts these (domain.md)."""
    return now().date()


def midnight(moment: datetime) -> datetime:
    """When the business day of ``moment`` began."""
    return moment.astimezone(BUSINESS_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def begins_at(day: date) -> datetime:
    """When the business date ``day`` begins."""
    return datetime.combine(day, time.min, tzinfo=BUSINESS_ZONE)


def set_today(day: date) -> None:
    """Move the business date to ``day`` for every process; it goes on from there. Raises ClockIsReal in production."""
    real = timezone.now().astimezone(BUSINESS_ZONE).date()
    _clock_file().write_text(str((day - real).days))


def set_real() -> None:
    """Go back to the real date. Raises ClockIsReal in production, where it never left it."""
    _clock_file().unlink(missing_ok=True)


def is_moved() -> bool:
    """Whether the business date differs from the real one."""
    return _days_moved() != 0


def _clock_file() -> Path:
    if settings.CLOCK_FILE is None:
        raise ClockIsReal("The clock can be moved in development only (PORTAL_DEV=True).")
    return settings.CLOCK_FILE


def _days_moved() -> int:
    if settings.CLOCK_FILE is None:
        return 0
    try:
        return int(settings.CLOCK_FILE.read_text())
    except (FileNotFoundError, ValueError):
        return 0
