"""What watches an account's balance, and money that goes back to a card."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import Account
from billing.models.cards import Payment
from callcentric import clock
from callcentric.money import MoneyField

# Of auto-recharge (domain.md §6).
RECHARGES_A_DAY = 3
# A bank that has just said no says the same a minute later.
DECLINED_FOR = timedelta(hours=4)


class BalanceWatchQuerySet(models.QuerySet["BalanceWatch"]):
    def recharge_due(self, now: datetime) -> Self:
        """Accounts whose card shall add money now: their balance is below what they have set, and nothing forbids it.

        Not while an earlier recharge is undecided, not soon after one that was declined, not more often than
        RECHARGES_A_DAY on one business day.
        """
        recharges = Payment.objects.filter(account=OuterRef("account"), purpose=Payment.Purpose.RECHARGE)
        declined = recharges.filter(state=Payment.State.FAILED, settled_at__gt=now - DECLINED_FOR)
        wanting = self.filter(
            recharges=True,
            account__closed_on__isnull=True,
            account__ledger_account__balance__lt=F("recharge_below"),
        )
        left = wanting.exclude(Exists(recharges.undecided())).exclude(Exists(declined))
        return left.annotate(today=_number_of(recharges.since(clock.midnight(now)))).filter(today__lt=RECHARGES_A_DAY)


def _number_of(payments: QuerySet[Payment]) -> Coalesce:
    counted = payments.order_by().values("account").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


class BalanceWatch(models.Model):
    """What shall happen when an account's balance runs low: an e-mail once per episode, and a card that tops it up."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="balance_watch")
    # Below this the customer is told; 0 tells nothing.
    low_below = MoneyField(default=Decimal("2.0000"))
    # Whoever has set it is told whatever they hold; others only where something is paid by the minute.
    low_is_chosen = models.BooleanField(default=False)
    # Since when it has been low and told; empty once it was above again.
    low_since = models.DateTimeField(null=True, blank=True)
    # Auto-recharge (domain.md §6): off by default.
    recharges = models.BooleanField("auto-recharge", default=False)
    recharge_below = MoneyField(default=Decimal("5.0000"))
    recharge_amount = MoneyField(default=Decimal("20.0000"))

    # Set by BalanceWatchQuerySet.recharge_due()
    today: int

    objects = BalanceWatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(low_below__range=(0, 100)), name="low_balance_is_up_to_100"),
            models.CheckConstraint(condition=Q(recharge_below__range=(2, 50)), name="recharge_below_2_to_50"),
            models.CheckConstraint(condition=Q(recharge_amount__range=(10, 100)), name="recharge_of_10_to_100"),
        ]
        indexes = [
            models.Index(fields=["account"], condition=Q(recharges=True), name="recharge_is_on"),
            models.Index(fields=["account"], condition=Q(low_since__isnull=False), name="balance_is_low"),
        ]

    def __str__(self) -> str:
        return f"Balance of {self.account}"


class CardRefund(models.Model):
    """Money that goes back to the card it came from, written down before Stripe is asked.

    It leaves the balance when the row is written; where Stripe refuses, it comes back by a second transfer.
    """

    class State(models.TextChoices):
        CREATED = "created", "Not sent yet"
        SENT = "sent", "On its way"
        SUCCEEDED = "succeeded", "Refunded"
        FAILED = "failed", "Not refunded"

    UNDECIDED = (State.CREATED, State.SENT)

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    amount = MoneyField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.CREATED)
    token = models.UUIDField(unique=True)
    stripe_id = models.CharField(max_length=100, unique=True, null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount=models.functions.Round(F("amount"), 2)),
                name="cards_are_refunded_whole_cents",
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(stripe_id__isnull=False, settled_at__isnull=False),
                name="a_made_refund_names_itself",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(state__in=["created", "sent"]), name="card_refund_undecided"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount:.2f} to {self.payment.card} ({self.get_state_display()})"


class DifferenceQuerySet(models.QuerySet["Difference"]):
    def open(self) -> Self:
        """Those that neither staff nor a later match have resolved."""
        return self.filter(resolved_at__isnull=True)


class Difference(models.Model):
    """Something that ledger, Stripe and invoices do not say alike, until staff have dealt with it (domain.md §11)."""

    class Kind(models.TextChoices):
        CHARGE_WITHOUT_TRANSFER = "charge", "Stripe took money that is not in the ledger"
        TRANSFER_WITHOUT_CHARGE = "transfer", "The ledger has money that Stripe did not take"
        AMOUNT = "amount", "Stripe and the ledger name different amounts"
        INVOICE = "invoice", "An invoice or order and its transfer differ"
        BALANCE = "balance", "A balance is not the sum of its transfers"
        PAYMENT = "payment", "A payment and its transfer differ"
        REFUND = "refund", "A refund is not the same at Stripe"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    # What it is about, by its key: a transfer's, or Stripe's name for it.
    key = models.CharField(max_length=120)
    # Empty where Stripe names a customer whom we do not know.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, null=True, blank=True, related_name="differences")
    about = models.CharField("what differs", max_length=300)
    # What the two sides say; empty where a side knows nothing of it.
    ours = MoneyField("in the ledger", null=True, blank=True)
    theirs = MoneyField("elsewhere", null=True, blank=True)
    found_at = models.DateTimeField(default=clock.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Empty where a later match no longer found it.
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    resolution = models.CharField("how it was resolved", max_length=300, blank=True)

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        permissions = [("resolve_difference", "Can say how a difference was resolved")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key"], condition=Q(resolved_at__isnull=True), name="a_difference_is_known_once"
            ),
            models.CheckConstraint(
                condition=Q(resolved_by__isnull=True) | Q(resolved_at__isnull=False) & ~Q(resolution=""),
                name="who_resolves_a_difference_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.key}"


class Match(models.Model):
    """One business day, on which ledger, Stripe and bills were compared. The next day follows; none is left out."""

    on = models.DateField("day", unique=True)
    # What Stripe took on that day, what the ledger has of it, and what was billed.
    stripe_charges = MoneyField("charged at Stripe", max_digits=16)
    ledger = MoneyField("of that in the ledger", max_digits=16)
    invoices = MoneyField("invoices and orders", max_digits=16)
    # That were found, whether or not they were known before.
    differences = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "matches"

    def __str__(self) -> str:
        return f"{self.on:%-d %B %Y}"
