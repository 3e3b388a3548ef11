"""Load the stock of the demo: numbers of the range that is kept free for such use (development only)."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from callcentric import clock
from phone_numbers.demo_stock import load_demo_stock


class Command(BaseCommand):
    help = "Loads numbers NPA-555-0100 to 0199 for many places. Safe to run again: what is there stays."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PORTAL_DEV:
            raise CommandError("The demo's numbers reach nobody: they exist in development only.")
        self.stdout.write(f"Demo stock: {load_demo_stock(today=clock.today()):,} numbers added.")
