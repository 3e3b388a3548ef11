"""Who pays: the balance, a card, or both (domain.md §5)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Account
from billing.split import SMALLEST_CARD_CHARGE, Split, split

BALANCE, CARD = Account.PaysFrom.BALANCE, Account.PaysFrom.CARD


@pytest.mark.parametrize(
    ("total", "balance", "pays_from", "expected"),
    [
        # The balance covers it.
        ("4.71", "200.00", BALANCE, ("4.71", "0", "0")),
        ("4.71", "4.71", BALANCE, ("4.71", "0", "0")),
        # Nothing to pay.
        ("0.00", "0.00", BALANCE, ("0.00", "0", "0")),
        ("0.00", "0.00", CARD, ("0.00", "0", "0")),
        # The card pays the rest, or all.
        ("11.85", "4.20", BALANCE, ("4.20", "7.65", "0")),
        ("11.85", "0.00", BALANCE, ("0", "11.85", "0")),
        ("11.85", "200.00", CARD, ("0", "11.85", "0")),
        # A balance with a fraction of a cent spends its whole cents.
        ("5.00", "4.2037", BALANCE, ("4.20", "0.80", "0")),
        # A card is never charged less than Stripe takes: the balance gives way, or keeps what is over.
        ("5.00", "4.80", BALANCE, ("4.50", "0.50", "0")),
        ("0.30", "0.10", BALANCE, ("0", "0.50", "0.20")),
        ("0.22", "9.00", CARD, ("0", "0.50", "0.28")),
    ],
)
def test_split(total, balance, pays_from, expected):
    found = split(total=Decimal(total), balance=Decimal(balance), pays_from=pays_from)
    assert found == Split(*map(Decimal, expected))


AMOUNTS = st.decimals(min_value=0, max_value=500, places=2)


@given(
    total=AMOUNTS,
    balance=st.decimals(min_value=0, max_value=500, places=4),
    pays_from=st.sampled_from([BALANCE, CARD]),
)
def test_the_parts_make_the_total_and_neither_side_is_asked_too_much(total, balance, pays_from):
    found = split(total=total, balance=balance, pays_from=pays_from)
    assert found.from_balance + found.from_card - found.left_over == total
    assert 0 <= found.from_balance <= balance or pays_from == CARD
    assert found.from_card == 0 or found.from_card >= SMALLEST_CARD_CHARGE
    assert found.from_card == found.from_card.quantize(Decimal("0.01"))
    assert found.left_over < SMALLEST_CARD_CHARGE
    # What the card brings is enough: the balance can pay the total once the card's money is in it.
    assert balance + found.from_card >= total
