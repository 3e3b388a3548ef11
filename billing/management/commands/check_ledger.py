"""Prove every balance; end with 1 and name the account where something differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import audit
from billing.models import LedgerAccount, Transfer


class Command(BaseCommand):
    help = "Checks that every balance is the sum of its transfers. Ends with 1 where one is not."

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(audit.differences())
        if found:
            raise CommandError("\n".join(found))
        customers = LedgerAccount.objects.filter(kind=LedgerAccount.Kind.CUSTOMER).count()
        self.stdout.write(f"{customers} balances and {Transfer.objects.count()} transfers agree.")
