"""The cart, and the orders that were made of it."""

import secrets
from decimal import Decimal
from typing import Self
from uuid import uuid4

from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from accounts.models import Account, Address
from billing.models import CHANNELS_PER_NUMBER, Payment, Service
from callcentric import clock
from callcentric.money import ZERO, MoneyField
from catalog.models import Product
from phone_numbers.models import PhoneNumber, RateCenter

# Extra channels for one number in one order (domain.md §2).
CHANNELS_PER_ORDER = 10
# Without letters and digits that are mistaken for one another on the telephone.
REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_reference() -> str:
    """What a customer calls an order by: eight signs that say nothing about how many orders there are."""
    return "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))


def about(line: "CartLine | OrderLine | Service") -> str:
    """What a line is about beside its product, such as "on (518) 555-0100"; empty for a product that needs no words."""
    if line.number_service:
        return f"on {line.number_service.phone_number}"
    if line.rate_center:
        return f"{line.phone_number} in {line.rate_center}" if line.phone_number else f"in {line.rate_center}"
    return ""


def is_own_number(line: "CartLine | OrderLine") -> bool:
    """Whether a line brings back the very number that was lost, and not another in its place."""
    return bool(line.reclaims and line.phone_number_id and line.phone_number_id == line.reclaims.phone_number_id)


class Cart(models.Model):
    """What somebody means to order. A visitor's cart has no account and is known by the session."""

    account = models.OneToOneField(Account, on_delete=models.CASCADE, null=True, blank=True, related_name="cart")
    made_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"Cart of {self.account}" if self.account else "A visitor's cart"


class CartLineQuerySet(models.QuerySet["CartLine"]):
    def in_words(self) -> Self:
        """Lines with everything at hand that says what they are about."""
        return self.select_related(
            "product",
            "rate_center__region",
            "phone_number",
            "number_service__phone_number",
            "number_service__product",
            "reclaims",
        )


class CartLine(models.Model):
    """One thing in a cart. What it is about depends on its kind: a number names its place, channels their number."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    # What numbers are held under, and what the order's line is known by.
    token = models.UUIDField(unique=True, default=uuid4, db_default=RandomUUID())
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    # The product's kind, repeated here so that PostgreSQL can hold "one rate plan in a cart".
    kind = models.CharField(max_length=10, choices=Product.Kind.choices)
    quantity = models.PositiveSmallIntegerField(default=1)
    # Phone numbers only. Without a number it is an order for staff to fill.
    rate_center = models.ForeignKey(RateCenter, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    phone_number = models.ForeignKey(PhoneNumber, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    # Extra channels only: the phone number they are for.
    number_service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    # The lost service that this line brings back (domain.md §7); of several channels on one number, one of them.
    reclaims = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    objects = CartLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cart"], condition=Q(kind="plan"), name="one_rate_plan_per_cart"),
            models.UniqueConstraint(fields=["cart"], condition=Q(kind="e911"), name="one_911_per_cart"),
            models.UniqueConstraint(fields=["cart", "number_service"], name="one_line_of_channels_per_number"),
            models.UniqueConstraint(fields=["cart", "phone_number"], name="one_line_per_number_in_a_cart"),
            models.UniqueConstraint(fields=["cart", "reclaims"], name="a_lost_service_is_in_a_cart_once"),
            models.CheckConstraint(
                condition=Q(kind="did", rate_center__isnull=False)
                | ~Q(kind="did") & Q(rate_center__isnull=True, phone_number__isnull=True),
                name="a_number_in_a_cart_says_where",
            ),
            models.CheckConstraint(
                condition=Q(kind="channel", number_service__isnull=False, quantity__range=(1, CHANNELS_PER_ORDER))
                # What a number had comes back whole.
                | Q(
                    kind="channel",
                    number_service__isnull=False,
                    reclaims__isnull=False,
                    quantity__range=(1, CHANNELS_PER_NUMBER),
                )
                | ~Q(kind="channel") & Q(number_service__isnull=True, quantity=1),
                name="channels_in_a_cart_are_one_to_ten_on_a_number",
            ),
        ]

    def __str__(self) -> str:
        return self.product.name

    @property
    def about(self) -> str:
        return about(self)

    @property
    def is_own_number(self) -> bool:
        """Whether it brings back the very number that was lost: that is kept for its last holder, and not held."""
        return is_own_number(self)


class OrderQuerySet(models.QuerySet["Order"]):
    def placed(self) -> Self:
        """Orders the customer knows of: completed, being paid, or paid by card and then not completed.

        One that failed before that changed nothing and is not shown.
        """
        return self.filter(~Q(state=Order.State.FAILED) | Q(payment__state=Payment.State.SUCCEEDED))


class Order(models.Model):
    """One confirmation at checkout. Its amounts and addresses are what they were then, whatever staff edit later."""

    class State(models.TextChoices):
        PAYING = "paying", "Waiting for the card"
        COMPLETED = "completed", "Completed"
        FAILED = "failed", "Not completed"

    reference = models.CharField(max_length=8, unique=True, default=new_reference, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    # The checkout page's token: however often the button is pressed, one order.
    token = models.UUIDField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PAYING)
    billing_address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="+")
    service_address = models.ForeignKey(Address, on_delete=models.PROTECT, related_name="+")
    tax_rate = models.DecimalField(max_digits=6, decimal_places=5)
    subtotal = MoneyField()
    tax = MoneyField()
    total = MoneyField()
    from_card = MoneyField(default=ZERO)
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="order")
    # Why it was not completed, in the customer's words.
    problem = models.CharField(max_length=300, blank=True)
    placed_at = models.DateTimeField(default=clock.now)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "token"], name="one_order_per_confirmation"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(state="paying"), name="one_order_at_a_time_is_being_paid"
            ),
            models.CheckConstraint(condition=Q(total=F("subtotal") + F("tax")), name="order_total_is_its_parts"),
            models.CheckConstraint(
                condition=Q(subtotal__gte=0, tax__gte=0, from_card__gte=0),
                name="order_amounts_are_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(from_card=0, payment__isnull=True) | Q(from_card__gt=0, payment__isnull=False),
                name="what_a_card_pays_has_a_payment",
            ),
            models.CheckConstraint(
                condition=Q(state="completed", completed_at__isnull=False)
                | ~Q(state="completed") & Q(completed_at__isnull=True),
                name="a_completed_order_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-placed_at"], name="order_of_account"),
            # Orders of a day lie together: a few pages of index find them, and writing one costs nothing.
            BrinIndex(fields=["placed_at"], name="order_of_day", autosummarize=True),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def charge_key(self) -> str:
        """What the ledger knows the charge of this order by."""
        return f"order:{self.pk}"


class OrderLineQuerySet(models.QuerySet["OrderLine"]):
    def in_words(self) -> Self:
        """Lines with everything at hand that says what they are about."""
        return self.select_related(
            "product", "phone_number", "rate_center__region", "number_service__phone_number", "reclaims"
        )


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveSmallIntegerField(default=1)
    # The cart's line it came from; 911 that was added by itself has none.
    token = models.UUIDField(null=True, blank=True)
    rate_center = models.ForeignKey(RateCenter, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # The number it was made for; without one, staff assign it.
    phone_number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    number_service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reclaims = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # What the order brought about, or paid on; empty until it is completed.
    services = models.ManyToManyField(Service, blank=True, related_name="order_lines")
    # When its money was given back to the balance.
    refunded_at = models.DateTimeField(null=True, blank=True)
    position = models.PositiveSmallIntegerField()
    setup = MoneyField(default=ZERO)
    this_month = MoneyField("rest of this month", default=ZERO)
    next_month = MoneyField(default=ZERO)
    # Why each amount is what it is, as the cart said it.
    explanation = models.TextField(blank=True)

    objects = OrderLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="order_lines_have_places"),
            models.CheckConstraint(
                condition=Q(setup__gte=0, this_month__gte=0, next_month__gte=0),
                name="order_line_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.product.name

    @property
    def about(self) -> str:
        return about(self)

    @property
    def is_own_number(self) -> bool:
        return is_own_number(self)

    @property
    def amount(self) -> Decimal:
        return self.setup + self.this_month + self.next_month
