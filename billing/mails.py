"""E-mails about money and services."""

from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.urls import reverse

from accounts import mails
from accounts.models import Account
from billing import ledger, months
from billing.due import Decided
from billing.models import Card, Cycle, Payment, Service, Transfer
from phone_numbers.models.numbers import KEPT_FOR_LAST_HOLDER

# A service with what it costs.
Line = tuple[Service, Decimal]


def payment_needs_customer(payment: Payment) -> None:
    """Ask the customer to confirm a payment that the bank does not make without that."""
    mails.write(
        payment.account,
        subject=f"Your bank asks you to confirm a payment to {settings.OPERATOR}",
        template="billing/emails/payment_needs_customer.txt",
        payment=payment,
        link=settings.SITE_URL + reverse("payment", args=[payment.token]),
    )


def emergency_confirmed(service: Service) -> None:
    """Tell the customer that 911 is active, and where help would be sent."""
    mails.write(
        service.account,
        subject="Your 911 service is active",
        template="billing/emails/emergency_confirmed.txt",
        address=service.address,
    )


def emergency_moved(service: Service) -> None:
    """Tell the customer that 911 is not active at the new address yet."""
    mails.write(
        service.account,
        subject="911 is not active at your new address yet",
        template="billing/emails/emergency_moved.txt",
        address=service.address,
    )


def emergency_failed(service: Service, problem: str) -> None:
    """Tell the customer that 911 is not active, why, and what to do."""
    mails.write(
        service.account,
        subject="911 is NOT active: your address was not accepted",
        template="billing/emails/emergency_failed.txt",
        address=service.address,
        problem=problem,
        link=f"{settings.SITE_URL}{reverse('profile')}#service_address",
    )


def emergency_ended(service: Service) -> None:
    """Tell the customer that 911 has ended, and why."""
    mails.write(
        service.account,
        subject="Your 911 service has ended",
        template="billing/emails/emergency_ended.txt",
        address=service.address,
        link=settings.SITE_URL + reverse("dashboard"),
    )


def service_ending(service: Service) -> None:
    """Confirm a cancellation: when it takes effect, and how to take it back."""
    mails.write(
        service.account,
        subject=f"{service.title} ends on {service.paid_until:%-d %B %Y}",
        template="billing/emails/service_ending.txt",
        service=service,
        link=settings.SITE_URL + reverse("service", args=[service.pk]),
    )


def services_ended(account: Account, services: Collection[Service], on: date) -> None:
    """Say which services have ended, and until when lost numbers are kept."""
    mails.write(
        account,
        subject=f"Services that ended on {on:%-d %B %Y}",
        template="billing/emails/services_ended.txt",
        services=services,
        on=on,
        has_number=any(service.phone_number_id for service in services),
        link=settings.SITE_URL + reverse("dashboard"),
    )


def renewal_forecast(cycle: Cycle, decided: Decided, lines: Collection[Line], card: Card | None) -> None:
    """Say on the 20th what will be charged on the 27th, from what, and what is missing."""
    mails.write(
        cycle.account,
        subject=f"Your services in {cycle.month:%B}: ${decided.total:.2f} on {_charged_on(cycle):%-d %B}",
        template="billing/emails/renewal_forecast.txt",
        cycle=cycle,
        decided=decided,
        lines=lines,
        card=card,
        charged_on=_charged_on(cycle),
        missing=decided.total - decided.balance,
        add_funds=settings.SITE_URL + reverse("deposit"),
        link=settings.SITE_URL + reverse("dashboard"),
    )


def renewal_failed(cycle: Cycle, lines: Collection[Line], ends_on: date) -> None:
    """Say that the renewal failed, why, and that the services are going to be cancelled."""
    mails.write(
        cycle.account,
        subject=f"Your services are going to be cancelled on {ends_on:%-d %B %Y}",
        template="billing/emails/renewal_failed.txt",
        cycle=cycle,
        lines=lines,
        balance=ledger.of(cycle.account).balance,
        ends_on=ends_on,
        add_funds=settings.SITE_URL + reverse("deposit"),
        cards=settings.SITE_URL + reverse("billing"),
    )


def services_cancelled(cycle: Cycle, services: Collection[Service]) -> None:
    """Say which services were cancelled because they were not paid, and until when and how they come back."""
    today = cycle.cancelled_on
    assert today  # noqa: S101 (set by whoever cancelled; said for the type checker)
    last_click = months.REORDER_ENDS_ON_DAY
    mails.write(
        cycle.account,
        subject="Your services were cancelled: how to get them back",
        template="billing/emails/services_cancelled.txt",
        cycle=cycle,
        services=services,
        has_number=any(service.phone_number_id for service in services),
        one_click_until=today.replace(day=last_click) if today.day <= last_click else None,
        free_until=today + months.NO_SETUP_FEE_FOR,
        kept_until=today + KEPT_FOR_LAST_HOLDER - timedelta(days=1),
        link=settings.SITE_URL + reverse("dashboard"),
    )


def credited(account: Account, given: Transfer) -> None:
    """Say that staff have added money to the balance, and what for."""
    mails.write(
        account,
        subject=f"We have added ${given.amount:.2f} to your balance",
        template="billing/emails/credited.txt",
        given=given,
        link=settings.SITE_URL + reverse("transactions"),
    )


def refunded(account: Account, given: Transfer, *, total: Decimal, charge: Transfer) -> None:
    """Say that staff have given a charge back to the balance, or a part of it."""
    mails.write(
        account,
        subject=f"We have refunded ${total:.2f} to your balance",
        template="billing/emails/refunded.txt",
        given=given,
        total=total,
        charge=charge,
        balance=ledger.of(account).balance,
        link=settings.SITE_URL + reverse("transactions"),
    )


def _charged_on(cycle: Cycle) -> date:
    """The day of the first attempt."""
    return months.month_before(cycle.month).replace(day=months.CYCLE_STARTS_ON_DAY)
