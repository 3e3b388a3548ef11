"""Fill the FAQ."""

from typing import Any

from django.core.management.base import BaseCommand

from support.faq.loading import load


class Command(BaseCommand):
    help = "Adds missing questions of the FAQ and brings others up to date. What staff have edited stays."

    def handle(self, *args: Any, verbosity: int = 1, **options: Any) -> None:
        loaded = load()
        if verbosity:
            self.stdout.write(
                f"Questions of the FAQ: {loaded.added} added, {loaded.updated} brought up to date, "
                f"{loaded.edited} left as staff have edited them."
            )
