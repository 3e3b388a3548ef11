"""Cards, what is charged to them, and what Stripe says of it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from accounts.models import Account
from callcentric import clock
from callcentric.money import ZERO, MoneyField


class CardHolder(models.Model):
    """The account as Stripe knows it."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="card_holder")
    stripe_id = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.stripe_id


# Brands that are not written as Stripe's names for them.
BRANDS = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay"}


class CardQuerySet(models.QuerySet["Card"]):
    def usable(self) -> Self:
        """Cards the customer has not removed."""
        return self.filter(removed_at__isnull=True)

    def chargeable(self, today: date) -> Self:
        """Usable cards that are still good on the business date ``today``."""
        later = Q(expires_year__gt=today.year) | Q(expires_year=today.year, expires_month__gte=today.month)
        return self.usable().filter(later)


class Card(models.Model):
    """A card that Stripe keeps for the account; we know what is printed on its receipt, never its number."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="cards")
    stripe_id = models.CharField(max_length=100, unique=True)
    brand = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    expires_month = models.PositiveSmallIntegerField()
    expires_year = models.PositiveSmallIntegerField()
    is_default = models.BooleanField(default=False)
    added_at = models.DateTimeField(default=clock.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = CardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_default=True), name="one_default_card_per_account"
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(removed_at__isnull=True),
                name="a_removed_card_is_not_the_default",
            ),
            models.CheckConstraint(condition=Q(expires_month__range=(1, 12)), name="card_expires_in_a_month"),
        ]

    def __str__(self) -> str:
        return f"{BRANDS.get(self.brand, self.brand.replace('_', ' ').title())} {self.last4}"

    @property
    def expires(self) -> str:
        """As it is printed on the card, the year in full."""
        return f"{self.expires_month:02}/{self.expires_year}"

    def has_expired(self, today: date) -> bool:
        """A card is good to the end of the month printed on it."""
        return (self.expires_year, self.expires_month) < (today.year, today.month)


class PaymentQuerySet(models.QuerySet["Payment"]):
    def undecided(self) -> Self:
        """Payments that may still succeed or fail."""
        return self.filter(state__in=Payment.UNDECIDED)

    def declined(self) -> Self:
        """Payments that the bank has refused; not those that a customer called off."""
        return self.filter(state=Payment.State.FAILED).exclude(decline_code="")

    def deposits(self) -> Self:
        """What was put into the balance for its own sake: by hand, or by auto-recharge."""
        return self.filter(purpose__in=Payment.DEPOSITS)

    def since(self, moment: datetime) -> Self:
        """Payments that were begun at ``moment`` or later."""
        return self.filter(created_at__gte=moment)

    def refundable(self, *, since: datetime) -> Self:
        """Deposits made ``since`` then that have not gone back to their card whole; ``left`` says how much may."""
        gone = Coalesce(Sum("refunds__amount", filter=~Q(refunds__state="failed")), ZERO, output_field=MoneyField())
        paid = self.deposits().filter(state=Payment.State.SUCCEEDED, settled_at__gte=since)
        return paid.annotate(left=F("amount") - gone).filter(left__gt=0)


class Payment(models.Model):
    """One charge of a card, written down before Stripe is asked, so that no outcome can be lost.

    The money always lands in the account's balance; purchases are paid from there.
    """

    class State(models.TextChoices):
        CREATED = "created", "Not sent yet"
        SENT = "sent", "Being checked with the bank"
        NEEDS_CUSTOMER = "needs_customer", "Waiting for your confirmation"
        SUCCEEDED = "succeeded", "Paid"
        FAILED = "failed", "Not paid"

    class Purpose(models.TextChoices):
        DEPOSIT = "deposit", "Deposit"
        ORDER = "order", "Order"
        RENEWAL = "renewal", "Renewal"
        RECHARGE = "recharge", "Auto-recharge"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payments")
    card = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="payments")
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    amount = MoneyField()
    state = models.CharField(max_length=15, choices=State.choices, default=State.CREATED)
    # One confirmation by the customer (the form's token) is one payment; also Stripe's idempotency key.
    token = models.UUIDField(unique=True)
    # Whether the customer was there to answer the bank's questions.
    on_session = models.BooleanField(default=True)
    stripe_id = models.CharField(max_length=100, unique=True, null=True, blank=True)
    decline_code = models.CharField(max_length=60, blank=True)
    # Why it failed, in the customer's words.
    problem = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    # Set by PaymentQuerySet.refundable()
    left: Decimal

    DEPOSITS = (Purpose.DEPOSIT, Purpose.RECHARGE)
    UNDECIDED = (State.CREATED, State.SENT, State.NEEDS_CUSTOMER)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_asks_for_something"),
            models.CheckConstraint(
                condition=Q(amount=models.functions.Round(F("amount"), 2)),
                name="cards_are_charged_whole_cents",
            ),
            models.CheckConstraint(
                condition=~Q(state="succeeded") | Q(stripe_id__isnull=False, settled_at__isnull=False),
                name="a_paid_payment_names_its_charge",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["created", "sent", "needs_customer"]),
                name="payment_undecided",
            ),
            models.Index(fields=["created_at"], condition=Q(state="failed"), name="payment_failed"),
            models.Index(fields=["account", "-created_at"], name="payment_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:.2f} from {self.card} ({self.get_state_display()})"

    @property
    def is_decided(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.state not in self.UNDECIDED


class StripeEventQuerySet(models.QuerySet["StripeEvent"]):
    def not_acted_on(self) -> Self:
        return self.filter(acted_at__isnull=True)


class StripeEvent(models.Model):
    """A webhook from Stripe, kept once however often it comes.

    It says which object changed, never how: what that has become is asked for when the event is acted on.
    """

    stripe_id = models.CharField(max_length=100, unique=True)
    type = models.CharField(max_length=100)
    # What it is about, by Stripe's names.
    object_id = models.CharField(max_length=100, blank=True)
    customer = models.CharField(max_length=100, blank=True)
    received_at = models.DateTimeField(default=clock.now)
    acted_at = models.DateTimeField(null=True, blank=True)
    # Why it could not be acted on the last time.
    problem = models.CharField(max_length=300, blank=True)

    objects = StripeEventQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["received_at"], condition=Q(acted_at__isnull=True), name="event_not_acted_on")]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"
