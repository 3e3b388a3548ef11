"""How stock is shown: never a count, always a band."""

from functools import cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from phone_numbers.coverage import NONE, Band, band

register = template.Library()


@register.filter
def badge(available: int) -> SafeString:
    """About how many numbers are in stock: words with a colour."""
    return _badge(band(available))


# Five in all; a template of its own, for each of thirty places, takes as long as the rest of the row.
@cache
def _badge(stock: Band) -> SafeString:
    words = capfirst(stock.words) + ("" if stock is NONE else " in stock")
    return format_html('<span class="badge stock {}">{}</span>', stock.css, words)
