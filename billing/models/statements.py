"""Statements: what moved an account's balance in one calendar month."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from accounts.models import Account, Address
from callcentric.money import MoneyField


class Statement(models.Model):
    """The statement of an account for one month, made on the 1st after it (domain.md §11).

    Its lines are the ledger's transfers of the month, which never change. ``number`` runs through all statements
    without a gap: one job numbers a whole month's, so no payment ever waits for it. Never changed or deleted.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="statements", db_index=False)
    month = models.DateField()
    number = models.PositiveBigIntegerField(unique=True)
    opening = MoneyField()
    closing = MoneyField()
    # Its lines are the account's transfers with ids after the one, where the statement before ended, up to the other.
    after = models.PositiveBigIntegerField()
    through = models.PositiveBigIntegerField()
    # Addresses are never edited, so this is where the customer was billed then.
    billing_address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "month"], name="one_statement_per_account_and_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="a_statement_is_of_a_calendar_month"),
            models.CheckConstraint(condition=Q(opening__gte=0, closing__gte=0), name="statement_balances_are_real"),
            models.CheckConstraint(
                condition=Q(through__gt=F("after")) | Q(through=F("after"), opening=F("closing")),
                name="a_statement_without_lines_ends_as_it_began",
            ),
        ]
        triggers = [pgtrigger.Protect(name="statements_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.number:08}"
