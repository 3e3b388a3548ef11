"""Trouble tickets and the FAQ."""

from django.db import models

from accounts.models import Account
from billing.models import Service
from callcentric import clock


class Ticket(models.Model):
    """Something that staff must look into for a customer (domain.md §9)."""

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

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="tickets")
    category = models.CharField(max_length=20, choices=Category.choices)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    state = models.CharField(max_length=20, choices=State.choices, default=State.OPEN)
    # What it is about; for 911 that failed also when, because it may fail again.
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, blank=True, related_name="tickets")
    failed_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            # However often the sweep runs.
            models.UniqueConstraint(fields=["service", "failed_at"], name="one_ticket_per_failure_of_911"),
        ]

    def __str__(self) -> str:
        return self.subject
