"""Amounts of money: exact decimals with four places, in US dollars (domain.md §11)."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import partial

from django.db import models

# Rates are fractions of a cent, so every amount is kept with four places; only the edges round to cents.
MoneyField = partial(models.DecimalField, max_digits=12, decimal_places=4)

ZERO = Decimal("0.0000")
CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """``amount`` rounded half-up to the cent: what we charge."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def cents_down(amount: Decimal) -> Decimal:
    """``amount`` rounded down to the cent: what a balance shows and can spend on a card's behalf."""
    return amount.quantize(CENT, rounding=ROUND_FLOOR)


def cents_up(amount: Decimal) -> Decimal:
    """``amount`` rounded up to the cent: what a card has to bring when a fraction is missing."""
    return amount.quantize(CENT, rounding=ROUND_CEILING)
