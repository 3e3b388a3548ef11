"""Whose Agent ID it is (domain.md §8)."""

from datetime import date

import pytest

from agents.models import Agent
from agents.referrals import find_agent


@pytest.fixture
def agent(alice) -> Agent:
    return Agent.objects.create(account=alice, agent_id="alice-1", state=Agent.State.APPROVED)


@pytest.mark.parametrize("typed", ["alice-1", "ALICE-1", "{0}{1}", "{0}-{1}", "+{0} {1}"])
def test_an_approved_agent_is_found_by_id_and_by_number(agent, typed):
    number = agent.account.number
    assert find_agent(typed.format(number[:4], number[4:])) == agent.account


@pytest.mark.parametrize("typed", ["bob-1", "", "alice", "17770000000", "' OR 1=1 --"])
def test_an_unknown_one_is_not(agent, typed):
    assert find_agent(typed) is None


@pytest.mark.parametrize("state", [Agent.State.APPLIED, Agent.State.DECLINED, Agent.State.CLOSED])
def test_nor_is_one_that_staff_have_not_approved(agent, state):
    Agent.objects.update(state=state)
    assert find_agent("alice-1") is None


def test_nor_is_one_whose_account_is_closed(agent):
    agent.account.closed_on = date(2027, 1, 11)
    agent.account.save()
    assert find_agent("alice-1") is None
