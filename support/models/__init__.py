"""Trouble tickets: what was said in them, and what was attached; and the FAQ."""

from support.faq.models import FaqCategory, FaqQuestion, FaqWord, MissedSearch
from support.models.messages import Attachment, CannedAnswer, Message
from support.models.tickets import CLOSES_AFTER, DONE, Ticket

__all__ = [
    "CLOSES_AFTER",
    "DONE",
    "Attachment",
    "CannedAnswer",
    "FaqCategory",
    "FaqQuestion",
    "FaqWord",
    "Message",
    "MissedSearch",
    "Ticket",
]
