"""Finds the agent that a typed Agent ID belongs to."""

from django.db.models import Q

from accounts.models import Account
from accounts.validators import account_number_from
from agents.models import Agent


def find_agent(typed: str) -> Account | None:
    """The account of the approved agent whose ID or 1777 number ``typed`` is; None for anything else (domain.md §8)."""
    agents = Agent.objects.approved().select_related("account").filter(account__closed_on__isnull=True)
    number = account_number_from(typed) or typed
    agent = agents.filter(Q(agent_id__iexact=typed) | Q(account__number=number)).first()
    return agent.account if agent else None
