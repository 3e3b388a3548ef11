"""Move the business date (development only): ``manage.py clock 2027-01-19`` or ``manage.py clock real``."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from callcentric import clock


class Command(BaseCommand):
    help = "Moves the business date for every process at once. Without an argument: says what it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", nargs="?", help="a date such as 2027-01-19, or: real")

    def handle(self, *args: Any, day: str | None = None, **options: Any) -> None:
        try:
            if day == "real":
                clock.set_real()
            elif day:
                clock.set_today(date.fromisoformat(day))
        except clock.ClockIsReal as refusal:
            raise CommandError(str(refusal)) from None
        except ValueError:
            raise CommandError(f"{day} is no date. Write it as 2027-01-19, or: real") from None
        moved = "moved" if clock.is_moved() else "real"
        self.stdout.write(f"The business date is {clock.today():%A, %d %B %Y} ({moved}).")
