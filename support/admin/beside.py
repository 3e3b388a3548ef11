"""What stands beside a conversation: the customer's services, money, lost numbers and other tickets."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from accounts.models import Account
from billing import history, ledger
from billing.history import Line
from billing.models import Service
from orders import lost as losses
from orders.lost import Lost
from phone_numbers.models import PhoneNumber
from support.models import Ticket

LAST_CHARGES = 5


@dataclass(frozen=True)
class LostNumber:
    """A number lost within 45 days: the last day on which the customer can have it again, or why not at all."""

    service: Service
    until: date
    why_not: str


@dataclass(frozen=True)
class Customer:
    account: Account
    balance: Decimal
    services: list[Service]
    lines: list[Line]
    lost: list[LostNumber]
    tickets: list[Ticket]


def customer_of(ticket: Ticket, *, today: date) -> Customer:
    """What staff need to know of the ticket's customer to answer."""
    account = ticket.account
    money = ledger.of(account)
    return Customer(
        account=account,
        balance=money.balance or Decimal(0),
        services=list(Service.objects.held().in_words().filter(account=account).order_by("pk")),
        lines=history.lines(history.transfers(money)[:LAST_CHARGES], money),
        lost=_lost_numbers(account, today),
        tickets=list(Ticket.objects.filter(account=account).exclude(pk=ticket.pk).order_by("-opened_at")[:10]),
    )


def _lost_numbers(account: Account, today: date) -> list[LostNumber]:
    numbers = [lost for lost in losses.lately(account, today=today) if lost.service.phone_number]
    return [
        LostNumber(lost.service, lost.decision.kept_until, _why_not(lost))
        for lost in numbers
        if lost.decision.kept_until
    ]


def _why_not(lost: Lost) -> str:
    """What fails of domain.md §7, in words for staff; they know more of it than the customer is told."""
    number = lost.service.phone_number
    if lost.service.reason == Service.Reason.VIOLATION:
        return "cancelled for a violation of the terms"
    if number and number.state == PhoneNumber.State.OUT:
        return f"out of service: {number.note or 'no reason was noted'}"
    return lost.why_not.removesuffix(".")
