"""Where money is, and every movement of it."""

from typing import Self

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django_countries.fields import CountryField

from accounts.models import Account, country_name
from callcentric import clock
from callcentric.money import MoneyField


class LedgerAccount(models.Model):
    """A place where money is: a customer's balance, or one of the house's sums."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer", "Customer's balance"
        CARDS = "cards", "Card clearing"
        REVENUE = "revenue", "Revenue"
        TAX = "tax", "Tax collected"
        COMMISSION = "commission", "Agents' commission"
        ADJUSTMENT = "adjustment", "Adjustments by staff"

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.CUSTOMER)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_account"
    )
    # Kept for customers only: a total kept on a house account would make every payment wait for the others.
    balance = MoneyField(null=True, blank=True)

    class Meta:
        permissions = [("credit_account", "Can give a customer a credit")]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="balance_is_never_negative"),
            models.CheckConstraint(
                condition=Q(kind="customer", account__isnull=False, balance__isnull=False)
                | (~Q(kind="customer") & Q(account__isnull=True, balance__isnull=True)),
                name="only_customers_have_a_balance",
            ),
            models.UniqueConstraint(fields=["kind"], condition=~Q(kind="customer"), name="one_house_account_per_kind"),
        ]
        triggers = [pgtrigger.Protect(name="ledger_accounts_stay", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.account.number if self.account else self.get_kind_display()


class TransferQuerySet(models.QuerySet["Transfer"]):
    def of(self, ledger_account: LedgerAccount) -> Self:
        """Every movement into or out of ``ledger_account``."""
        return self.filter(Q(source=ledger_account) | Q(target=ledger_account))


class Transfer(models.Model):
    """One movement of money from one ledger account to another (domain.md §11).

    Never changed or deleted; a mistake is mended by a second transfer. ``key`` names the cause, and because
    it is unique, doing a thing twice moves the money once.
    """

    class Kind(models.TextChoices):
        DEPOSIT = "deposit", "Deposit"
        CARD_PAYMENT = "card_payment", "Card payment"
        CHARGE = "charge", "Charge"
        TAX = "tax", "Tax"
        REFUND = "refund", "Refund"
        COMMISSION = "commission", "Commission"
        CREDIT = "credit", "Credit"

    # Compared byte by byte, and by a constraint below: a unique field would keep a second index, for patterns.
    key = models.CharField(max_length=100, db_collation="C")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # The indexes below serve these two.
    source = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="outgoing", db_index=False)
    target = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="incoming", db_index=False)
    amount = MoneyField()
    # The customer's balance after this movement; a house account keeps none.
    source_balance = MoneyField(null=True)
    target_balance = MoneyField(null=True)
    memo = models.CharField(max_length=200)
    # The charge this tax belongs to.
    tax_on = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="tax")
    # The charge that this commission is earned on, or the refund that it is taken back with. The key names it too.
    # No constraint: transfers are never deleted, and to look each charge up again would slow the cycle by a tenth.
    commission_on = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # The charge that this gives back, whole or in part.
    refund_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="refunds", db_index=False
    )
    made_at = models.DateTimeField(default=clock.now)

    objects = TransferQuerySet.as_manager()

    class Meta:
        permissions = [("refund_charge", "Can refund a charge")]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="transfer_key_is_used_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_moves_something"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="transfer_goes_somewhere_else"),
            models.CheckConstraint(
                condition=Q(kind="tax", tax_on__isnull=False) | (~Q(kind="tax") & Q(tax_on__isnull=True)),
                name="tax_belongs_to_a_charge",
            ),
            models.CheckConstraint(
                condition=Q(kind="commission", commission_on__isnull=False)
                | (~Q(kind="commission") & Q(commission_on__isnull=True)),
                name="commission_belongs_to_a_charge",
            ),
            models.CheckConstraint(
                condition=Q(kind="refund") | Q(refund_of__isnull=True), name="only_refunds_give_a_charge_back"
            ),
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="transfer_out"),
            models.Index(fields=["target", "-id"], name="transfer_in"),
            models.Index(fields=["refund_of"], name="refunds_of_a_charge", condition=Q(refund_of__isnull=False)),
        ]
        triggers = [pgtrigger.Protect(name="transfers_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.key


class OwedCommissionQuerySet(models.QuerySet["OwedCommission"]):
    def unpaid(self) -> Self:
        return self.filter(left__gt=0).order_by("pk")


class OwedCommission(models.Model):
    """Commission to be taken back that the agent's balance did not have: taken from what the agent earns next."""

    refund = models.OneToOneField(Transfer, on_delete=models.PROTECT, related_name="owed_commission")
    agent = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="owed_commissions", db_index=False)
    left = MoneyField()

    objects = OwedCommissionQuerySet.as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(left__gte=0), name="nobody_owes_less_than_nothing")]
        indexes = [models.Index(fields=["agent"], name="owed_commission", condition=Q(left__gt=0))]

    def __str__(self) -> str:
        return f"{self.refund.key}: ${self.left} to be taken back"


class TaxRate(models.Model):
    """Tax on services and fees for billing addresses in a region (domain.md §5). Elsewhere there is none."""

    country = CountryField()
    region = models.CharField(max_length=100, blank=True, help_text="As in the address; empty: the whole country.")
    rate = models.DecimalField(max_digits=6, decimal_places=5, help_text="0.08875 for 8.875 %.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["country", "region"], name="one_tax_rate_per_region"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lt=1), name="tax_rate_is_a_fraction"),
        ]

    def __str__(self) -> str:
        return f"{self.region or country_name(self.country)}: {self.rate:%}"
