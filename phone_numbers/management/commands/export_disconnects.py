"""Write the disconnects that the Reassigned Numbers Database asks for."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from phone_numbers import disconnects


class Command(BaseCommand):
    help = "Writes a CSV file of ten-digit US numbers and the date of their last permanent disconnect."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="first", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, metavar="YYYY-MM-DD")

    def handle(self, *args: Any, first: date | None, last: date | None, **options: Any) -> None:
        if first and last and first > last:
            raise CommandError("--from is later than --to.")
        for line in disconnects.lines(first=first, last=last):
            self.stdout.write(line.rstrip("\r\n"))
