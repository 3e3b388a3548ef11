"""Load the places and prefixes where the operator has coverage."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from phone_numbers.loading import load_coverage
from phone_numbers.models import Prefix


class Command(BaseCommand):
    help = "Adds states, rate centres and prefixes of the US and Canada. Does nothing where they are loaded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="look for missing places even so")

    def handle(self, *args: Any, again: bool = False, **options: Any) -> None:
        if Prefix.objects.exists() and not again:
            self.stdout.write("Coverage is loaded already.")
            return
        counts = ", ".join(f"{count:,} {name}" for name, count in load_coverage().items())
        self.stdout.write(f"Coverage: {counts}.")
