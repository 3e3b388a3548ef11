"""How amounts and dates look on every page."""

from decimal import Decimal
from uuid import uuid4

from django import template

from callcentric.money import cents_down, to_cents

register = template.Library()


@register.filter
def usd(amount: Decimal | None) -> str:
    """An amount in dollars, in whole cents: ``$1,204.50``; a minus stands before the dollar sign."""
    if amount is None:
        return ""
    cents = to_cents(amount)
    return f"−${-cents:,.2f}" if cents < 0 else f"${cents:,.2f}"


@register.filter
def exact(amount: Decimal) -> str:
    """An amount with all its four places, as commission has: ``$1,204.0300``."""
    return f"−${-amount:,.4f}" if amount < 0 else f"${amount:,.4f}"


@register.filter
def balance(amount: Decimal) -> str:
    """A balance, rounded down to the cent (domain.md §11): never more than can be spent."""
    return f"${cents_down(amount):,.2f}"


@register.filter
def rate(amount: Decimal) -> str:
    """A price per minute, with all its four places: ``$0.0198``."""
    return f"${amount:.4f}"


@register.filter
def percent(fraction: Decimal) -> str:
    """A fraction as a percentage without trailing zeros: ``8.875 %``."""
    return f"{(fraction * 100).normalize():f} %"


@register.simple_tag
def new_token() -> str:
    """What names a form, so that pressing its button twice can be told from two that mean it."""
    return str(uuid4())
