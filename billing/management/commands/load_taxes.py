"""Load the tax table's first rows; run again, it leaves staff's edits alone."""

from typing import Any

from django.core.management.base import BaseCommand

from billing import taxes


class Command(BaseCommand):
    help = "Loads the tax rates the portal starts with. Safe to run again; staff's edits stay."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Tax rates added: {taxes.load()}.")
