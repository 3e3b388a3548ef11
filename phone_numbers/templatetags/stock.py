"""How stock is shown: never a count, always a band."""

from django import template

from phone_numbers import coverage

register = template.Library()
register.filter("band", coverage.band)
