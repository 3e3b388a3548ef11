"""Whose Agent ID it is (domain.md §8)."""

from datetime import date

import pytest

from agents.models import Agent
from agents.referrals import find_agent
from tests.agents.making import an_agent


@pytest.fixture
def agent(alice) -> Agent:
    return an_agent(alice, "alice-1")


@pytest.mark.parametrize("typed", ["alice-1", "ALICE-1", "{0}{1}", "{0}-{1}", "+{0} {1}"])
def test_an_approved_agent_is_found_by_id_and_by_number(agent, typed, django_assert_num_queries):
    number = agent.account.number
    with django_assert_num_queries(1):
        assert find_agent(typed.format(number[:4], number[4:])) == agent.account


@pytest.mark.parametrize("typed", ["bob-1", "alice", "17770000000"])
def test_an_unknown_one_is_not(agent, typed):
    assert find_agent(typed) is None


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "al",
        "alice-1\n",
        "alice-1\x00",
        "-alice",
        "alice_1",
        "' OR 1=1 --",
        "alice-1'; DROP TABLE agents_agent; --",
        "a" * 21,
        "a" * 10_000,
        " " * 10_000 + "17775550000",
        # Digits, and a K, of other alphabets.
        "\u0661\u0667\u0667\u0667\u0665\u0665\u0665\u0660\u0660\u0660\u0660",
        "\u212aate",
        "\ud800",
    ],
)
def test_what_can_be_none_asks_nobody(typed, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert find_agent(typed) is None


@pytest.mark.parametrize("state", [Agent.State.APPLIED, Agent.State.DECLINED, Agent.State.CLOSED])
def test_nor_is_one_that_staff_have_not_approved(agent, state):
    Agent.objects.update(state=state)
    assert find_agent("alice-1") is None


def test_nor_is_one_whose_account_is_closed(agent):
    agent.account.closed_on = date(2027, 1, 11)
    agent.account.save()
    assert find_agent("alice-1") is None
