"""Load the places and prefixes where the operator has coverage."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from phone_numbers.loading import is_loaded, load_coverage
from phone_numbers.models import Prefix, RateCenter, Region


class Command(BaseCommand):
    help = "Adds the regions, places and prefixes that are missing. Does nothing where the newest data is loaded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="look for what is missing even so")

    def handle(self, *args: Any, again: bool = False, **options: Any) -> None:
        if is_loaded() and not again:
            self.stdout.write("Coverage is loaded already.")
            return
        load_coverage(say=self.stdout.write)
        counts = ", ".join(
            f"{model.objects.count():,} {model._meta.verbose_name_plural}" for model in (Region, RateCenter, Prefix)
        )
        self.stdout.write(f"Coverage: {counts}.")
