"""Two approved agents, on an ordinary day."""

import pytest

from agents.models import Agent
from tests.agents.making import NOON, an_agent
from tests.factories import AccountFactory


@pytest.fixture
def noon(time_machine) -> None:
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def acme(alice) -> Agent:
    return an_agent(alice)


@pytest.fixture
def zeta(db) -> Agent:
    return an_agent(AccountFactory(), "zeta")
