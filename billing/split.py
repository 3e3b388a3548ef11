"""Splits what an order costs between the balance and a card (domain.md §5), over plain values."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from callcentric.money import ZERO, cents_down, cents_up

# Stripe refuses to charge a card less than this many dollars.
SMALLEST_CARD_CHARGE = Decimal("0.50")


@dataclass(frozen=True)
class Split:
    """What each side pays, in dollars; ``left_over`` is what the card pays too much, and stays in the balance."""

    from_balance: Decimal
    from_card: Decimal
    left_over: Decimal = ZERO


def split(*, total: Decimal, balance: Decimal, pays_from: str) -> Split:
    """Who pays ``total``: the balance first and a card for the rest, or the card alone.

    A card is charged whole cents and never less than Stripe takes; what that asks too much for stays in the balance.
    """
    spendable = cents_down(balance) if pays_from == Account.PaysFrom.BALANCE else ZERO
    missing = total - min(spendable, total)
    if not missing:
        return Split(from_balance=total, from_card=ZERO)
    from_card = max(cents_up(missing), SMALLEST_CARD_CHARGE)
    return Split(from_balance=max(total - from_card, ZERO), from_card=from_card, left_over=max(from_card - total, ZERO))
