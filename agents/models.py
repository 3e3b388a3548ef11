"""Accounts that bring others (domain.md §8)."""

from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import Q

from accounts.models import Account


class AgentQuerySet(models.QuerySet["Agent"]):
    def approved(self) -> Self:
        return self.filter(state=Agent.State.APPROVED)


class Agent(models.Model):
    """An account that may refer clients once staff have approved it."""

    class State(models.TextChoices):
        APPLIED = "applied", "Applied"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="agent")
    agent_id = models.SlugField("Agent ID", max_length=20, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.APPLIED)
    rate = models.DecimalField("commission, %", max_digits=4, decimal_places=2, default=Decimal("3"))

    objects = AgentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rate__range=(0, 20)), name="commission_is_0_to_20_percent"),
        ]

    def __str__(self) -> str:
        return self.agent_id
