"""The cards that Stripe and its stand-in know in test mode, and what each of them does."""

from typing import NamedTuple


class TestCard(NamedTuple):
    number: str
    effect: str


TEST_CARDS = (
    TestCard("4242 4242 4242 4242", "Pays"),
    TestCard("4000 0000 0000 0002", "Declined when it is added"),
    TestCard("4000 0000 0000 0341", "Can be added; declined when it is charged"),
    TestCard("4000 0027 6000 3184", "Asks for 3-D Secure, then pays"),
    TestCard("4000 0082 6000 3178", "Asks for 3-D Secure, then is declined"),
)
