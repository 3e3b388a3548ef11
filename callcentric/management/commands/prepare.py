"""Make the database ready to serve: migrations, catalogue, coverage and, in development, demo data."""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Runs the migrations and loads the data the portal starts with. Safe to run again; staff's edits stay."

    def handle(self, *args: Any, **options: Any) -> None:
        steps: list[tuple[str, dict[str, int]]] = [
            ("migrate", {"verbosity": 0}),
            ("load_catalog", {}),
            ("load_taxes", {}),
            ("load_coverage", {}),
            ("load_faq", {}),
            ("load_roles", {}),
        ]
        if settings.PORTAL_DEV:
            steps += [("load_demo_stock", {}), ("load_demo", {})]
        for name, arguments in steps:
            started = time.monotonic()
            call_command(name, stdout=self.stdout, **arguments)
            self.stdout.write(f"  {name}: {time.monotonic() - started:.1f} s")
