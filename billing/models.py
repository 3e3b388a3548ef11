"""Money (ledger, cards, payments) and the services it pays for."""

from datetime import date
from typing import Self

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django_countries.fields import CountryField

from accounts.models import Account, Address, country_name
from callcentric import clock
from callcentric.money import MoneyField
from catalog.models import Product


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

    key = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    source = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="outgoing")
    target = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="incoming")
    amount = MoneyField()
    # The customer's balance after this movement; a house account keeps none.
    source_balance = MoneyField(null=True)
    target_balance = MoneyField(null=True)
    memo = models.CharField(max_length=200)
    # The charge this tax belongs to.
    tax_on = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="tax")
    made_at = models.DateTimeField(default=clock.now)

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_moves_something"),
            models.CheckConstraint(condition=~Q(source=F("target")), name="transfer_goes_somewhere_else"),
            models.CheckConstraint(
                condition=Q(kind="tax", tax_on__isnull=False) | (~Q(kind="tax") & Q(tax_on__isnull=True)),
                name="tax_belongs_to_a_charge",
            ),
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="transfer_out"),
            models.Index(fields=["target", "-id"], name="transfer_in"),
        ]
        triggers = [pgtrigger.Protect(name="transfers_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.key


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

    def deposits(self) -> Self:
        return self.filter(purpose=Payment.Purpose.DEPOSIT)


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


class ServiceQuerySet(models.QuerySet["Service"]):
    def held(self) -> Self:
        """Services the customer has: pending or active, not cancelled."""
        return self.exclude(state=Service.State.CANCELLED)


class Service(models.Model):
    """One product that an account holds, from order to cancellation (domain.md §1)."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        CANCELLED = "cancelled", "Cancelled"

    class Reason(models.TextChoices):
        CUSTOMER = "customer", "Cancelled by you"
        REPLACED = "replaced", "Replaced by another plan"
        FAILED_REBILLING = "failed_rebilling", "Failed rebilling"
        VIOLATION = "violation", "Violation of the terms"
        STAFF = "staff", "Cancelled by our staff"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="services")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="services")
    # The product's kind, repeated here so that PostgreSQL can hold "one rate plan per account".
    kind = models.CharField(max_length=10, choices=Product.Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    # Where emergency services would be sent; 911 only.
    address = models.ForeignKey(Address, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    started_on = models.DateField()
    # The last day that is paid for.
    paid_until = models.DateField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_on = models.DateField(null=True, blank=True)
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(kind="plan") & ~Q(state="cancelled"),
                name="one_rate_plan_per_account",
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(kind="e911") & ~Q(state="cancelled"),
                name="one_911_per_account",
            ),
            models.CheckConstraint(
                condition=Q(state="cancelled", cancelled_on__isnull=False) & ~Q(reason="")
                | ~Q(state="cancelled") & Q(cancelled_on__isnull=True, reason=""),
                name="a_cancelled_service_says_when_and_why",
            ),
            models.CheckConstraint(
                condition=~Q(kind="e911") | Q(address__isnull=False), name="service_911_has_an_address"
            ),
            models.CheckConstraint(condition=Q(paid_until__gte=F("started_on")), name="service_is_paid_from_its_start"),
        ]
        indexes = [models.Index(fields=["account", "state"], name="service_of_account")]

    def __str__(self) -> str:
        return f"{self.product.name} ({self.get_state_display()})"
