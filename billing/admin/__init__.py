"""Money as staff see it."""

from billing.admin import matches, money

__all__ = ["matches", "money"]
