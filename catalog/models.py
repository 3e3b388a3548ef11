"""What the operator sells, and the history of what it costs."""

from datetime import date
from decimal import Decimal
from typing import Self

import pgtrigger
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Round

from callcentric.money import ZERO, MoneyField


class ProductQuerySet(models.QuerySet["Product"]):
    def plans(self) -> Self:
        return self.filter(kind=Product.Kind.PLAN)

    def dids(self) -> Self:
        return self.filter(kind=Product.Kind.DID)

    def offered(self) -> Self:
        """Products that can be ordered now. One that is withdrawn stays for those who hold it."""
        return self.filter(is_offered=True)

    def with_prices(self, on: date) -> Self:
        """Each with the amounts in force on the business date ``on``; None where it has no price by then."""
        return self.annotate(**{name: _in_force(name, on) for name in Price.AMOUNTS})

    def priced(self, on: date) -> Self:
        """Those that have a price on ``on``, with its amounts: ``monthly``, ``setup``, ``per_minute`` …"""
        return self.with_prices(on).filter(monthly__isnull=False)

    def by_the_minute(self, on: date) -> Self:
        """Those whose use is paid from the balance, minute by minute, at the prices of ``on``."""
        has_minute_price = Q(per_minute__gt=0) | Q(per_minute_canada__gt=0)
        return self.with_prices(on).filter(Q(needs_balance=True) | has_minute_price)


def _in_force(amount: str, on: date) -> Func:
    """An amount of a product's price on the business date ``on``."""
    # In SQL, because many pages ask for four of them: built from subqueries they take longer to write than to run.
    return Func(
        "pk",
        Value(on),
        # Between the product and the date.
        arg_joiner=" = product_id AND effective_on <= ",
        template=f"(SELECT {amount} FROM catalog_price WHERE %(expressions)s ORDER BY effective_on DESC LIMIT 1)",  # noqa: S608
        output_field=MoneyField(),
    )


class Product(models.Model):
    """One thing on sale (domain.md §2): a rate plan, a DID product, an extra channel or 911."""

    class Kind(models.TextChoices):
        PLAN = "plan", "Rate plan"
        DID = "did", "DID product"
        CHANNEL = "channel", "Additional incoming channel"
        E911 = "e911", "911"

    code = models.SlugField(unique=True, help_text="Never changes; what the portal knows the product by.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=80)
    summary = models.CharField(max_length=200, help_text="One sentence for the catalogue.")
    included = models.TextField(blank=True, help_text="What is included, one point a line.")
    not_included = models.TextField(blank=True, help_text="What is not included, one point a line.")
    is_offered = models.BooleanField("on offer", default=True)
    position = models.PositiveSmallIntegerField(default=0)
    # Rate plans
    is_default = models.BooleanField("what an account has without a plan", default=False)
    opens_pstn = models.BooleanField("opens calls to the PSTN", default=False)
    minutes = models.PositiveIntegerField("minutes a month", null=True, blank=True)
    is_unlimited = models.BooleanField("unlimited minutes", default=False)
    includes_911 = models.BooleanField("includes the monthly part of 911", default=False)
    needs_balance = models.BooleanField("needs money in the balance to call", default=False)
    # DID products
    channels = models.PositiveSmallIntegerField(
        "channels included", null=True, blank=True, help_text="Empty: unlimited."
    )
    takes_extra_channels = models.BooleanField(default=False)
    is_limited = models.BooleanField("sold in some locations only", default=False)
    is_lost_with_its_offer = models.BooleanField(
        "a number lost to failed rebilling comes back only where the product is still sold", default=False
    )
    is_toll_free = models.BooleanField("for toll-free numbers, and nothing else is", default=False)

    objects = ProductQuerySet.as_manager()

    # Set by ProductQuerySet.priced()
    monthly: Decimal
    setup: Decimal
    per_minute: Decimal
    per_minute_canada: Decimal

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="one_plan_is_what_accounts_have_without_one",
            ),
            models.CheckConstraint(
                condition=Q(takes_extra_channels=False) | Q(kind="did"),
                name="only_a_did_takes_extra_channels",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_minute_price(self) -> bool:
        """Whether its minutes are paid one by one."""
        return bool(self.per_minute or self.per_minute_canada)

    @property
    def included_points(self) -> list[str]:
        return self.included.splitlines()

    @property
    def not_included_points(self) -> list[str]:
        return self.not_included.splitlines()


class Price(models.Model):
    """What a product costs from a day on, in US dollars.

    Append-only: staff change a price by adding a row, so what somebody was charged stays explained for ever.
    """

    AMOUNTS = ("monthly", "setup", "per_minute", "per_minute_canada")

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    effective_on = models.DateField("from")
    monthly = MoneyField("monthly fee")
    setup = MoneyField("set-up fee", default=ZERO)
    per_minute = MoneyField("per minute", default=ZERO)
    per_minute_canada = MoneyField("per minute, Canada", default=ZERO)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "effective_on"],
                name="one_price_per_product_and_day",
                violation_error_message="This product has a price from that day already. Choose another day.",
            ),
            models.CheckConstraint(
                condition=Q(monthly__gte=0, setup__gte=0, per_minute__gte=0, per_minute_canada__gte=0),
                name="price_is_never_negative",
                violation_error_message="A price cannot be negative.",
            ),
            models.CheckConstraint(
                condition=Q(
                    monthly=Round(F("monthly"), 2),
                    setup=Round(F("setup"), 2),
                ),
                name="fees_are_whole_cents",
                violation_error_message="A monthly fee and a set-up fee are whole cents.",
            ),
        ]
        triggers = [pgtrigger.Protect(name="prices_are_history", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.product} from {self.effective_on:%d %b %Y}"
