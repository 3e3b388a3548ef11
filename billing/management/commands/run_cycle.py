"""Do what a business date calls for: forecasts, renewals, cancellations. The beat calls the same function."""

import json
import sys
from argparse import ArgumentParser
from datetime import date
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from billing import cycle, progress, rehearsal, turns
from billing.models import CycleRun
from callcentric import clock

CARDS_BETWEEN_NOTES = 100


class Command(BaseCommand):
    help = "Runs the monthly cycle for a business date (today's, if none is given). Safe to run at any time and twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--on", type=_day, metavar="DATE", help="business date, such as 2027-01-27")
        parser.add_argument("--dry-run", action="store_true", help="say what would be charged, and charge nothing")
        parser.add_argument("--csv", metavar="FILE", help="with --dry-run: write every account to this file")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON, and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        on = options["on"] or clock.today()
        self.is_quiet = options["json"]
        if options["dry_run"]:
            outcome = self._rehearse(on, options["csv"])
        elif on > clock.today() and settings.CLOCK_FILE is None:
            raise CommandError(f"{on} is still to come. Say --dry-run to see what it would bring.")
        else:
            charge = partial(turns.charge_here, today=on, say=partial(self._say_cards, on))
            outcome = cycle.run(on=on, now=clock.now(), charge_cards=charge, say=self._say_accounts).as_dict()
        self.stdout.write(json.dumps(outcome) if options["json"] else _in_words(outcome))

    def _rehearse(self, on: date, file: str | None) -> dict[str, Any]:
        run = rehearsal.begin(on=on, now=clock.now())
        rehearsal.rehearse(run, now=clock.now, say=self._say_progress)
        if file:
            with open(file, "w", newline="") as out:
                out.writelines(rehearsal.csv_lines(run))
        return run.outcome

    def _say_progress(self, run: CycleRun) -> None:
        self._say_accounts(run.done, run.accounts)

    def _say_accounts(self, done: int, accounts: int) -> None:
        self._say(f"{done} of {accounts} accounts")

    def _say_cards(self, on: date, left: int) -> None:
        if left % CARDS_BETWEEN_NOTES == 0:
            progress.note_that_it_goes_on(on=on, now=clock.now())
        self._say(f"{left} cards left")

    def _say(self, words: str) -> None:
        if not self.is_quiet:
            self.stderr.write(f"\r{words:<40}", ending="" if sys.stderr.isatty() else "\n")


def _in_words(outcome: dict[str, Any]) -> str:
    return "\n".join(f"{name.replace('_', ' '):<12} {_value(value)}" for name, value in outcome.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {each}" for name, each in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _day(text: str) -> date:
    return date.fromisoformat(text)
