"""Orders that wait for a number because none was in stock."""

from datetime import date, timedelta
from typing import Self

from django.db import models
from django.db.models import Count, OuterRef, Q, Subquery

from accounts.models import Account
from callcentric import clock
from catalog.models import Product
from phone_numbers.models.numbers import PhoneNumber
from phone_numbers.models.places import RateCenter

# An order that no number came for is refunded on this day after it was made (domain.md §5).
REFUNDED_AFTER = timedelta(days=30)


class BackOrderQuerySet(models.QuerySet["BackOrder"]):
    def waiting(self) -> Self:
        return self.filter(state=BackOrder.State.WAITING)

    def in_line(self) -> Self:
        """The oldest first."""
        return self.order_by("ordered_at", "pk")

    def overdue(self, today: date) -> Self:
        """Those that have waited so long on ``today`` that their money goes back."""
        return self.waiting().ordered_before(today - REFUNDED_AFTER + timedelta(days=1))

    def ordered_before(self, day: date) -> Self:
        """Those that were made before the business date ``day``."""
        return self.filter(ordered_at__lt=clock.begins_at(day))

    def with_position(self) -> Self:
        """Each with ``position``: in the line of its place; 1 gets the next number there."""
        same_place = BackOrder.objects.waiting().filter(rate_center=OuterRef("rate_center"))
        not_later = same_place.filter(
            Q(ordered_at__lt=OuterRef("ordered_at")) | Q(ordered_at=OuterRef("ordered_at"), pk__lte=OuterRef("pk"))
        )
        counted = not_later.order_by().values("rate_center").annotate(count=Count("pk")).values("count")
        return self.annotate(position=Subquery(counted))


class BackOrder(models.Model):
    """A paid order for a number at a place that was out of stock (domain.md §5): staff assign one, oldest first."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for a number"
        FILLED = "filled", "Number assigned"
        WITHDRAWN = "withdrawn", "Withdrawn by the customer"
        REFUNDED = "refunded", "Refunded: no number in 30 days"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="back_orders")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    rate_center = models.ForeignKey(RateCenter, on_delete=models.PROTECT, related_name="back_orders")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    phone_number = models.ForeignKey(PhoneNumber, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    ordered_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    # How long it took, in business days; kept for the estimate that others are shown.
    waited = models.PositiveSmallIntegerField("business days", null=True, blank=True)

    # Set by BackOrderQuerySet.with_position()
    position: int

    objects = BackOrderQuerySet.as_manager()

    class Meta:
        permissions = [("assign_number", "Can assign a number to an order that waits for it")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="filled", phone_number__isnull=False, waited__isnull=False)
                | ~Q(state="filled") & Q(phone_number__isnull=True, waited__isnull=True),
                name="a_filled_back_order_names_its_number",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", closed_at__isnull=True) | ~Q(state="waiting") & Q(closed_at__isnull=False),
                name="a_closed_back_order_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["rate_center", "ordered_at"], condition=Q(state="waiting"), name="back_order_in_line"),
            models.Index(fields=["rate_center", "-closed_at"], condition=Q(state="filled"), name="back_order_filled"),
        ]

    def __str__(self) -> str:
        return f"{self.product} in {self.rate_center} for {self.account}"

    @property
    def ordered_on(self) -> date:
        return self.ordered_at.astimezone(clock.BUSINESS_ZONE).date()

    @property
    def refund_on(self) -> date:
        """The day its money goes back to the balance, should no number have come."""
        return self.ordered_on + REFUNDED_AFTER
