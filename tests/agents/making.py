"""Agents and their clients, as approval and sign-up leave them."""

from decimal import Decimal

from accounts.models import Account
from agents.models import Agent
from billing import ledger
from tests.billing.movements import at, put_in
from tests.factories import AccountFactory

NOON = at(1, 11)


def an_agent(account: Account, agent_id: str = "acme", state: str = "approved", percent: str = "3") -> Agent:
    if state == Agent.State.APPROVED:
        account.commission_percent = Decimal(percent)
        account.save()
        ledger.of(account)
    return Agent.objects.create(account=account, agent_id=agent_id, state=state, about="By my shop.", applied_at=NOON)


def a_client_of(agent: Agent, *, funds: str = "100", **more: object) -> Account:
    client = AccountFactory(referred_by=agent.account, **{"opened_at": NOON, **more})
    put_in(client, funds, at(1, 1, year=2025))
    return client
