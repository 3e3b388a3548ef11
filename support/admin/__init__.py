"""The staff's desk for trouble tickets: the queue, the conversation beside its customer, and canned answers."""

from support.admin import canned, tickets
from support.faq import admin as faq

__all__ = ["canned", "faq", "tickets"]
