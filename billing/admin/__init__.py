"""Money as staff see it."""

from billing.admin import money

__all__ = ["money"]
