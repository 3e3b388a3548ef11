"""A trouble ticket: whose it is, what it is about, and how far it is (domain.md §9)."""

from datetime import date, datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Max, Q, Value, When

from accounts.models import Account
from accounts.validators import one_line, visible
from billing.models import Service, Transfer
from callcentric import clock
from orders.models import Order, new_reference

# A resolved ticket is closed so long after, unless its customer writes again.
CLOSES_AFTER = timedelta(days=7)


class TicketQuerySet(models.QuerySet["Ticket"]):
    def waiting_for_staff(self) -> Self:
        """New ones, and those whose customer wrote last."""
        return self.filter(state__in=[Ticket.State.OPEN, Ticket.State.WAITING_FOR_STAFF])

    def for_longer_than(self, days: int, *, now: datetime) -> Self:
        """Those that have been in their state for so many days."""
        return self.filter(state_since__lte=now - timedelta(days=days))

    def not_closed(self) -> Self:
        return self.exclude(state=Ticket.State.CLOSED)

    def due_to_close(self, today: date) -> Self:
        """Resolved ones whose seven days are over."""
        return self.filter(state=Ticket.State.RESOLVED, resolved_at__date__lte=today - CLOSES_AFTER)

    def open_first(self) -> Self:
        """As customers list them: what is not done before what is, each the last written first."""
        comes_later = Case(When(state__in=DONE, then=Value(1)), default=Value(0))
        for_the_customer = Max("messages__written_at", filter=Q(messages__is_private=False))
        written = self.annotate(last_written_at=for_the_customer)
        return written.order_by(comes_later, F("last_written_at").desc(nulls_last=True), "-pk")

    def in_words(self) -> Self:
        """Tickets with everything at hand that says what they are about."""
        return self.select_related(
            "account__user",
            "assignee",
            "merged_into",
            "order",
            "charge__tax",
            "service__product",
            "service__phone_number",
            "service__rate_center__region",
            "service__number_service__phone_number",
        )


class Ticket(models.Model):
    """Something that staff must look into for a customer.

    Whatever happens to it is a line of its conversation (Message), so the last line says whether it has changed.
    """

    class Category(models.TextChoices):
        BILLING = "billing", "Billing"
        ORDERS = "orders", "Orders and numbers"
        PORTING = "porting", "Porting"
        E911 = "e911", "911"
        TECHNICAL = "technical", "Technical"
        VERIFICATION = "verification", "Account verification"
        AGENT = "agent", "Agent"
        # Opened by staff alone.
        ABUSE = "abuse", "Abuse"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        WAITING_FOR_CUSTOMER = "customer", "Waiting for customer"
        WAITING_FOR_STAFF = "staff", "Waiting for staff"
        RESOLVED = "resolved", "Resolved"
        CLOSED = "closed", "Closed"

    class OpenedBy(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        STAFF = "staff", "Staff"
        # By itself: 911 that failed.
        PORTAL = "portal", "Portal"

    reference = models.CharField(max_length=8, unique=True, default=new_reference, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="tickets")
    category = models.CharField(max_length=20, choices=Category.choices)
    subject = models.CharField(max_length=200, validators=[one_line, visible])
    opened_by = models.CharField(max_length=10, choices=OpenedBy.choices, default=OpenedBy.CUSTOMER)
    opened_at = models.DateTimeField(default=clock.now)
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    # Since when it is in this state: how long somebody waits.
    state_since = models.DateTimeField(default=clock.now)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="assigned_tickets"
    )
    # What it is about; for 911 that failed also when, because it may fail again.
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    failed_at = models.DateTimeField(null=True, blank=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    charge = models.ForeignKey(Transfer, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    # When staff first wrote to a customer who had opened it.
    first_answered_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged")
    # From 1, poor, to 5, very good.
    rating = models.PositiveSmallIntegerField(null=True, blank=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints = [
            # However often the sweep runs.
            models.UniqueConstraint(fields=["service", "failed_at"], name="one_ticket_per_failure_of_911"),
            models.CheckConstraint(
                condition=~Q(category="abuse", opened_by="customer"), name="abuse_is_opened_by_staff_alone"
            ),
            models.CheckConstraint(
                condition=Q(state="closed")
                | Q(state="resolved", resolved_at__isnull=False)
                | ~Q(state__in=["resolved", "closed"]) & Q(resolved_at__isnull=True),
                name="a_resolved_ticket_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | ~Q(state="closed") & Q(closed_at__isnull=True),
                name="a_closed_ticket_says_when",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(state="closed"), name="a_merged_ticket_is_closed"
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("pk")),
                name="a_ticket_is_not_merged_into_itself",
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__range=(1, 5), state__in=["resolved", "closed"]),
                name="what_is_done_is_rated_from_one_to_five",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "state_since"], name="ticket_queue"),
            models.Index(fields=["account", "-opened_at"], name="ticket_of_account"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.subject}"

    @property
    def is_closed(self) -> bool:
        return self.state == Ticket.State.CLOSED

    @property
    def is_done(self) -> bool:
        return self.state in DONE

    @property
    def closes_on(self) -> date | None:
        """The business date on which a resolved ticket is closed, if nobody writes until then."""
        if self.state != Ticket.State.RESOLVED or not self.resolved_at:
            return None
        return self.resolved_at.astimezone(clock.BUSINESS_ZONE).date() + CLOSES_AFTER

    def come_to(self, state: str, *, now: datetime) -> None:
        """Take the state and the dates that go with it. What is open again has lost its rating: it was for the end."""
        if state != self.state:
            self.state, self.state_since = state, now
        if state not in DONE:
            self.resolved_at = self.rating = None
        elif state == Ticket.State.RESOLVED:
            self.resolved_at = now
        self.closed_at = now if state == Ticket.State.CLOSED else None
        self.save(update_fields=["state", "state_since", "resolved_at", "closed_at", "rating"])


DONE = [Ticket.State.RESOLVED, Ticket.State.CLOSED]
