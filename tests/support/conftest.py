"""A ticket of Alice's."""

import pytest

from support.models import Ticket
from tests.support.conversations import open_ticket


@pytest.fixture
def ticket(alice) -> Ticket:
    return open_ticket(alice)
