"""Compare ledger, Stripe and bills of a day, and end with 1 where a difference is open."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing.models import Difference, Match
from billing.stripe_api import StripeError
from callcentric import clock
from orders import reconciliation


class Command(BaseCommand):
    help = "Compares ledger, Stripe and bills of the days that are over, or of one. Ends with 1 where they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--on", type=date.fromisoformat, metavar="DATE", help="This business day: 2027-01-19.")

    def handle(self, *args: Any, on: date | None, **options: Any) -> None:
        for made in self._match(on):
            self.stdout.write(
                f"{made.on}: Stripe {made.stripe_charges:.2f}, ledger {made.ledger:.2f}, bills {made.invoices:.2f}, "
                f"differences {made.differences}."
            )
        found = Difference.objects.open().order_by("pk")
        if found:
            raise CommandError("\n".join(f"{each.about} ({each.key})" for each in found))

    def _match(self, on: date | None) -> list[Match]:
        if on is None:
            return reconciliation.match_missed(now=clock.now())
        if on > clock.today():
            raise CommandError(f"{on} has not come yet.")
        try:
            return [reconciliation.match(on=on, now=clock.now())]
        except StripeError as error:
            raise CommandError(f"Stripe did not answer: {error!r}. Nothing was written down.") from error
