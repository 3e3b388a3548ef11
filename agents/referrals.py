"""Finds the agent that an Agent ID belongs to, typed or in a link (domain.md §8)."""

import re

from accounts.models import Account
from accounts.validators import account_number_from
from agents.models import AGENT_ID_PATTERN, Agent

# No Agent ID is longer, and no 1777 number as people write it.
LONGEST = 30


def find_agent(typed: str) -> Account | None:
    """The account of the approved agent whose ID or 1777 number ``typed`` is; None for anything else."""
    agent = find(typed)
    return agent.account if agent else None


def find(text: str) -> Agent | None:
    """The same as an agent. The database is asked only for what can be an ID or a number, so links may be anything."""
    if len(text) > LONGEST:
        return None
    if number := account_number_from(text):
        wanted = {"account__number": number}
    # ASCII: there are letters elsewhere in Unicode whose small form is one of ours.
    elif re.fullmatch(AGENT_ID_PATTERN, text, re.ASCII | re.IGNORECASE):
        wanted = {"agent_id": text.lower()}
    else:
        return None
    return Agent.objects.taking_clients().select_related("account").filter(**wanted).first()
