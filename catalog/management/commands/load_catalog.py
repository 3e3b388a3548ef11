"""Fill the catalogue and the list of countries that may not be served."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.embargo import load_embargo
from catalog.loading import load_products


class Command(BaseCommand):
    help = "Adds missing products, and the embargoed countries to an empty list. Staff's edits stay."

    def handle(self, *args: Any, verbosity: int = 1, **options: Any) -> None:
        products, countries = load_products(), load_embargo()
        if verbosity:
            names = ", ".join(product.name for product in products)
            self.stdout.write(f"Products added: {names}." if names else "No product was missing.")
            self.stdout.write(f"Embargoed countries added: {countries}.")
