"""Statements: what moved an account's balance in one calendar month."""

from django.db import models
from django.db.models import Q

from accounts.models import Account
from callcentric.money import MoneyField


class Statement(models.Model):
    """The statement of an account for one month, made on the 1st after it (domain.md §11).

    Its lines are the ledger's transfers of the month, which never change. ``number`` runs through all statements
    without a gap: one job numbers a whole month's, so no payment ever waits for it.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="statements", db_index=False)
    month = models.DateField()
    number = models.PositiveBigIntegerField(unique=True)
    opening = MoneyField()
    closing = MoneyField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "month"], name="one_statement_per_account_and_month"),
            models.CheckConstraint(condition=Q(month__day=1), name="a_statement_is_of_a_calendar_month"),
            models.CheckConstraint(condition=Q(opening__gte=0, closing__gte=0), name="statement_balances_are_real"),
        ]

    def __str__(self) -> str:
        return f"{self.number:08}"
