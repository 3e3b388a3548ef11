"""Load a file of numbers into the stock."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from callcentric import clock
from phone_numbers import stock_loading
from phone_numbers.models import StockLoad


class Command(BaseCommand):
    help = "Loads a CSV file with the columns number and, if you like, area: all of it, or nothing and says why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        # One transaction, so that the sweep does not take it up as well.
        with transaction.atomic():
            waiting = StockLoad.objects.create(name=file.name, content=content)
            load = stock_loading.load(waiting.pk, today=clock.today(), report=self._report)
            if load is None:
                raise CommandError("The stock changed meanwhile. Nothing was loaded; run it again.")
        self._say(load)

    def _report(self, percent: int) -> None:
        self.stdout.write(f"\r{percent:3} %", ending="")
        self.stdout.flush()

    def _say(self, load: StockLoad) -> None:
        self.stdout.write("")
        if load.state == StockLoad.State.LOADED:
            self.stdout.write(f"{load.numbers:,} numbers loaded from {load.name}.")
            return
        for line, reason in load.problems:
            self.stdout.write(f"Line {line}: {reason}")
        problems = f"{load.problem_count:,} problems" if load.problem_count > 1 else "1 problem"
        unlisted = f", {load.unlisted:,} of them not listed" if load.unlisted else ""
        raise CommandError(f"Nothing was loaded: {problems}{unlisted}.")
