"""Money as staff see it."""

from billing.admin import cycle_runs, cycles, matches, money

__all__ = ["cycle_runs", "cycles", "matches", "money"]
