"""What stands beside a conversation: the customer's services, money, lost numbers and other tickets."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from accounts.models import Account
from billing import history, ledger
from billing.history import Line
from billing.models import Service
from phone_numbers.models import PhoneNumber
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER
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
    lost = Service.objects.lost().numbers().filter(account=account, phone_number__isnull=False)
    recently = lost.filter(cancelled_on__gt=today - KEPT_FOR_LAST_HOLDER).order_by("-cancelled_on", "pk")
    return [
        LostNumber(service, service.cancelled_on + KEPT_FOR_LAST_HOLDER - timedelta(days=1), _why_not(service))
        for service in recently
        if service.cancelled_on
    ]


def _why_not(service: Service) -> str:
    number = service.phone_number
    if service.reason == Service.Reason.VIOLATION:
        return "cancelled for a violation of the terms"
    if number and number.state == PhoneNumber.State.OUT:
        return f"out of service: {number.note or 'no reason was noted'}"
    if number and (number.state != PhoneNumber.State.KEPT or number.last_holder_id != service.account_id):
        return "no longer kept for them"
    return ""
