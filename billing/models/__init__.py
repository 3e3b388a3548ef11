"""Money (ledger, cards, payments) and the services it pays for."""

from billing.models.cards import Card, CardHolder, Payment, StripeEvent
from billing.models.ledger import LedgerAccount, TaxRate, Transfer
from billing.models.services import CHANNELS_PER_NUMBER, Service, ServiceQuerySet

__all__ = [
    "CHANNELS_PER_NUMBER",
    "Card",
    "CardHolder",
    "LedgerAccount",
    "Payment",
    "Service",
    "ServiceQuerySet",
    "StripeEvent",
    "TaxRate",
    "Transfer",
]
