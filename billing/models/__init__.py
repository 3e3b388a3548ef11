"""Money (ledger, cards, payments) and the services it pays for."""

from billing.models.balances import BalanceWatch, CardRefund, Difference, Match
from billing.models.cards import Card, CardHolder, Payment, StripeEvent
from billing.models.cycles import Cycle, CycleRun, Invoice, InvoiceLine, ParkedAccount, RehearsedAccount
from billing.models.ledger import LedgerAccount, OwedCommission, TaxRate, Transfer
from billing.models.services import CHANNELS_PER_NUMBER, Service, ServiceQuerySet
from billing.models.statements import Statement

__all__ = [
    "CHANNELS_PER_NUMBER",
    "BalanceWatch",
    "Card",
    "CardHolder",
    "CardRefund",
    "Cycle",
    "CycleRun",
    "Difference",
    "Invoice",
    "InvoiceLine",
    "LedgerAccount",
    "Match",
    "OwedCommission",
    "ParkedAccount",
    "Payment",
    "RehearsedAccount",
    "Service",
    "ServiceQuerySet",
    "Statement",
    "StripeEvent",
    "TaxRate",
    "Transfer",
]
