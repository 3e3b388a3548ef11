"""Accounts that bring others (domain.md §8)."""

from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from accounts.models import Account
from accounts.validators import NUMBER_IN_DISGUISE
from callcentric import clock

# It stands in links, so: what nobody has to escape, and cannot be taken for a 1777 number.
AGENT_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,18}[a-z0-9]$"


class AgentQuerySet(models.QuerySet["Agent"]):
    def approved(self) -> Self:
        return self.filter(state=Agent.State.APPROVED)


class Agent(models.Model):
    """An account that may refer clients once staff have approved it. What it earns stands in its account."""

    class State(models.TextChoices):
        APPLIED = "applied", "Applied"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        CLOSED = "closed", "Closed"

    account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="agent")
    agent_id = models.CharField(
        "Agent ID",
        max_length=20,
        unique=True,
        help_text="3 to 20 letters, digits and hyphens.",
        validators=[RegexValidator(AGENT_ID_PATTERN.replace("$", r"\Z"), "Use 3 to 20 letters, digits and hyphens.")],
        error_messages={"unique": "This ID is taken. Choose another one."},
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.APPLIED)
    about = models.TextField("how you will bring clients", max_length=1000, blank=True)
    applied_at = models.DateTimeField(default=clock.now, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = AgentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(agent_id__regex=AGENT_ID_PATTERN), name="agent_id_is_lower_case_and_plain"
            ),
            models.CheckConstraint(
                condition=~Q(agent_id__regex=NUMBER_IN_DISGUISE), name="agent_id_is_no_account_number"
            ),
        ]

    def __str__(self) -> str:
        return self.agent_id
