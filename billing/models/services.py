"""What an account holds and pays for month by month."""

from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Prefetch, Q

from accounts.models import Account, Address
from catalog.models import Product
from phone_numbers.models import BackOrder, PhoneNumber, RateCenter

# Extra channels that one number may have (domain.md §2).
CHANNELS_PER_NUMBER = 20


class ServiceQuerySet(models.QuerySet["Service"]):
    def held(self) -> Self:
        """Services the customer has: pending or active, not cancelled."""
        return self.exclude(state=Service.State.CANCELLED)

    def continuing(self) -> Self:
        """Services that go on when their paid month is over: held, not cancelled for its end, not waiting."""
        is_waiting = Q(state=Service.State.PENDING, back_order__isnull=False)
        ends_with_number = Q(number_service__isnull=False, number_service__ending_asked_at__isnull=False)
        return self.held().filter(ending_asked_at__isnull=True).exclude(is_waiting | ends_with_number)

    def ended(self, today: date) -> Self:
        """Held services whose customer has cancelled them and whose paid month is over."""
        return self.held().filter(ending_asked_at__isnull=False, paid_until__lt=today)

    def lost(self) -> Self:
        """Cancelled services that nothing has brought back."""
        return self.filter(state=Service.State.CANCELLED, reclaimed_by__isnull=True)

    def numbers(self) -> Self:
        """Phone numbers with their places at hand; one that still waits for staff has none yet."""
        return self.filter(kind=Product.Kind.DID).select_related("product", "phone_number", "rate_center__region")

    def in_words(self) -> Self:
        """Services with everything at hand that says what they are and where a waiting number stands in line."""
        about = self.select_related("product", "address", "phone_number", "rate_center__region")
        return about.prefetch_related(Prefetch("back_order", BackOrder.objects.with_position()))


class Service(models.Model):
    """One product that an account holds, from order to cancellation (domain.md §1)."""

    class State(models.TextChoices):
        PENDING = "pending", "Pending"
        ACTIVE = "active", "Active"
        # 911 whose address was not accepted.
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    class Reason(models.TextChoices):
        CUSTOMER = "customer", "Cancelled by you"
        REPLACED = "replaced", "Replaced by another plan"
        FAILED_REBILLING = "failed_rebilling", "Failed rebilling"
        VIOLATION = "violation", "Violation of the terms"
        STAFF = "staff", "Cancelled by our staff"
        WITHDRAWN = "withdrawn", "Withdrawn before a number came"
        UNFILLED = "unfilled", "No number within 30 days"
        NOT_NEEDED = "not_needed", "No longer needed"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="services")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="services")
    # The product's kind, repeated here so that PostgreSQL can hold "one rate plan per account".
    kind = models.CharField(max_length=10, choices=Product.Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    # Phone numbers only: where it is, the number once there is one, the order that waits for it until then.
    rate_center = models.ForeignKey(RateCenter, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    phone_number = models.ForeignKey(
        PhoneNumber, on_delete=models.PROTECT, null=True, blank=True, related_name="services"
    )
    back_order = models.OneToOneField(
        BackOrder, on_delete=models.PROTECT, null=True, blank=True, related_name="service"
    )
    # Extra channels only: the phone number they are on, and which of its twenty places this one takes.
    number_service = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="channels")
    slot = models.PositiveSmallIntegerField(null=True, blank=True)
    # Where emergency services would be sent; 911 only.
    address = models.ForeignKey(Address, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    started_on = models.DateField()
    # The last day that is paid for.
    paid_until = models.DateField()
    # The last day that was paid for by the service's own monthly fee; none while it was always inside a plan. 911 only.
    fee_paid_until = models.DateField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # When 911 failed, which tells one failure from the next, and why, in the customer's words.
    failed_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    # When the customer asked to end it: it ends with its paid month, and can be taken back until then.
    ending_asked_at = models.DateTimeField(null=True, blank=True)
    # The day it ended, not the day somebody asked for it.
    cancelled_on = models.DateField(null=True, blank=True)
    # The lost service that this one brought back (domain.md §7).
    reclaims = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reclaimed_by"
    )
    reason = models.CharField(max_length=20, choices=Reason.choices, blank=True)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        permissions = [
            ("cancel_service", "Can cancel services at once"),
            ("confirm_911", "Can confirm 911 or say that it failed"),
        ]
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
            models.UniqueConstraint(
                fields=["phone_number"], condition=~Q(state="cancelled"), name="number_has_one_holder"
            ),
            models.CheckConstraint(
                condition=Q(kind="did", rate_center__isnull=False)
                | ~Q(kind="did") & Q(rate_center__isnull=True, phone_number__isnull=True, back_order__isnull=True),
                name="a_number_service_says_where_and_no_other_does",
            ),
            models.CheckConstraint(
                condition=~Q(kind="did", state="active") | Q(phone_number__isnull=False),
                name="an_active_number_service_has_its_number",
            ),
            models.UniqueConstraint(
                fields=["number_service", "slot"], condition=~Q(state="cancelled"), name="a_channel_has_its_own_place"
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="channel",
                    number_service__isnull=False,
                    # Said again: no number at all is neither in the range nor outside of it.
                    slot__isnull=False,
                    slot__range=(1, CHANNELS_PER_NUMBER),
                )
                | ~Q(kind="channel") & Q(number_service__isnull=True, slot__isnull=True),
                name="a_channel_is_one_of_twenty_on_a_number",
            ),
            models.CheckConstraint(
                # What has ended may have failed before.
                condition=Q(state="failed", kind="e911", failed_at__isnull=False) & ~Q(problem="")
                | ~Q(state="failed") & (Q(state="cancelled") | Q(failed_at__isnull=True)),
                name="only_911_fails_and_says_when_and_why",
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
            models.CheckConstraint(
                condition=Q(fee_paid_until__isnull=True) | Q(kind="e911", fee_paid_until__lte=F("paid_until")),
                name="only_911_is_paid_by_its_fee_or_a_plan",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "state"], name="service_of_account"),
            # Not by paid_until: the cycle changes that of every service, and what has no index is changed in place.
            models.Index(
                fields=["ending_asked_at"],
                condition=Q(ending_asked_at__isnull=False) & ~Q(state="cancelled"),
                name="service_that_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product.name} ({self.get_state_display()})"

    @property
    def title(self) -> str:
        """What the customer calls it: a number by itself, a channel by its number, anything else by its product."""
        if self.phone_number:
            return str(self.phone_number)
        if self.number_service:
            return f"An extra channel on {self.number_service.phone_number}"
        return f"Your {self.product.name} number" if self.kind == Product.Kind.DID else self.product.name

    @property
    def is_ending(self) -> bool:
        """Cancelled by its customer, and still there until its paid month is over."""
        return self.ending_asked_at is not None and self.state != Service.State.CANCELLED

    @property
    def is_waiting(self) -> bool:
        """A phone number that was ordered and has not come yet."""
        return self.state == Service.State.PENDING and self.back_order_id is not None
