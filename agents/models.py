"""Accounts that bring others (domain.md §8)."""

from typing import Self

from django.conf import settings
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

    def taking_clients(self) -> Self:
        """Those that somebody who signs up can be referred by."""
        return self.approved().filter(account__closed_on__isnull=True)


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
        permissions = [("decide_agent", "Can approve, decline and close agents and set their rate")]
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

    @property
    def has_been_approved(self) -> bool:
        """Whether there may be clients and commission to look at: it is an agent, or was one."""
        return self.state in (Agent.State.APPROVED, Agent.State.CLOSED)

    @property
    def takes_clients(self) -> bool:
        """Whether its link and its ID refer anybody."""
        return self.state == Agent.State.APPROVED and self.account.closed_on is None

    @property
    def percent(self) -> str:
        """What it earns, in words; nothing where it earns none."""
        rate = self.account.commission_percent
        return "" if rate is None else f"{rate.normalize():f} %"

    @property
    def link(self) -> str:
        """What the agent shares; ``aid`` works on any other address of the portal too."""
        return f"{settings.SITE_URL}/?aid={self.agent_id}"
