"""911: says what must become of an account's, moves it along with the customer, and never calls it active too early.

It is one per account, for whoever has a rate plan or a phone number and a service address where 911 exists (domain.md
§2). It is active only once staff have confirmed the address, and the customer is told so everywhere (§12).
"""

from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from accounts.models import Account
from billing import mails
from billing.models import Service
from catalog.models import Product

State = Service.State
CALLS_FOR_911 = (Product.Kind.PLAN, Product.Kind.DID)


class Decision(Enum):
    """What must become of an account's 911."""

    NOTHING = "nothing"
    ADD = "add"
    MOVE = "move"
    END = "end"


def decide(
    *, has_911_country: bool | None, holds_plan_or_number: bool, holds_911: bool, is_at_service_address: bool
) -> Decision:
    """The rule of domain.md §2, for the cart and for everything that changes afterwards.

    ``has_911_country`` says whether 911 exists at the service address; None where nobody has given one, and then
    nothing is guessed.
    """
    if has_911_country is None:
        return Decision.NOTHING
    is_called_for = has_911_country and holds_plan_or_number
    if not holds_911:
        return Decision.ADD if is_called_for else Decision.NOTHING
    if not is_called_for:
        return Decision.END
    return Decision.NOTHING if is_at_service_address else Decision.MOVE


def decision_for(account: Account, held: Iterable[Service]) -> Decision:
    """What must become of the 911 of ``account``, whose services ``held`` are; no query."""
    services = list(held)
    service = _emergency(services)
    address = account.service_address
    return decide(
        has_911_country=address.has_911 if address else None,
        holds_plan_or_number=any(each.kind in CALLS_FOR_911 for each in services),
        holds_911=service is not None,
        # Compared as they are written: the same address may have been typed twice.
        is_at_service_address=service is not None and str(service.address) == str(address),
    )


@transaction.atomic
def review(account: Account, *, now: datetime, on: date | None = None) -> Decision:
    """Carry out what the account's address and services call for; safe to do at any time and any number of times.

    911 moves to the service address, where it is not active until that is confirmed, or ends, and an e-mail says so.
    Where it is missing nothing is added: the customer is asked, because it costs money. ``on`` is the day on which what
    called for it ended, where that is another day than today.
    """
    kinds = [*CALLS_FOR_911, Product.Kind.E911]
    # Locked before anything is read: whoever orders at the same time has the lock too.
    Service.objects.held().select_for_update().filter(account=account, kind=Product.Kind.E911).first()
    account = Account.objects.select_related("user", "service_address").get(pk=account.pk)
    held = Service.objects.held().filter(account=account, kind__in=kinds).select_related("address")
    services = list(held.order_by("kind", "pk").distinct("kind"))
    decision, service = decision_for(account, services), _emergency(services)
    if service is None:
        return decision
    service.account = account
    if decision == Decision.END:
        _end(service, on or now.date())
    elif decision == Decision.MOVE:
        _move(service)
    elif account.service_address and service.address != account.service_address:
        # The same address in another row.
        service.address = account.service_address
        service.save(update_fields=["address"])
    return decision


def review_all(*, now: datetime) -> int:
    """Review each account whose 911 is not where the account is, or that has nothing left that calls for it.

    For what ends a plan or a number and for two changes at the same moment; returns how many there were.
    """
    others = Service.objects.held().filter(account=OuterRef("account"), kind__in=CALLS_FOR_911)
    astray = Service.objects.held().filter(
        ~Exists(others) | ~Q(address=F("account__service_address")), kind=Product.Kind.E911
    )
    return sum(
        review(service.account, now=now) != Decision.NOTHING
        for service in astray.select_related("account").order_by("pk")
    )


@transaction.atomic
def confirm(service: Service, *, now: datetime) -> bool:
    """Make a 911 service active at its address and e-mail its customer; False when there was nothing to confirm.

    One that had failed too: staff have found that the address is right after all. False also when it has moved to
    another address since ``service`` was read: staff confirm what they have seen.
    """
    changes = {"state": State.ACTIVE, "confirmed_at": now, "failed_at": None, "problem": ""}
    confirmed = _waiting(service, State.PENDING, State.FAILED).update(**changes)
    if confirmed:
        mails.emergency_confirmed(service)
    return bool(confirmed)


@transaction.atomic
def fail(service: Service, *, problem: str, now: datetime) -> bool:
    """Say that the address of a pending 911 service was not accepted, and why, in words that its customer is e-mailed.

    False when it was not pending, or has moved to another address since.
    """
    failed = _waiting(service, State.PENDING).update(state=State.FAILED, failed_at=now, problem=problem)
    if failed:
        mails.emergency_failed(service, problem)
    return bool(failed)


def _waiting(service: Service, *states: State) -> QuerySet[Service]:
    """The row of ``service``, in one of ``states`` and still at the address that it was read with."""
    return Service.objects.filter(pk=service.pk, kind=Product.Kind.E911, state__in=states, address=service.address_id)


def _emergency(services: Iterable[Service]) -> Service | None:
    return next((service for service in services if service.kind == Product.Kind.E911), None)


def _move(service: Service) -> None:
    service.address = service.account.service_address
    service.state, service.confirmed_at, service.failed_at, service.problem = State.PENDING, None, None, ""
    service.save(update_fields=["address", "state", "confirmed_at", "failed_at", "problem"])
    mails.emergency_moved(service)


def _end(service: Service, on: date) -> None:
    service.state, service.cancelled_on, service.reason = State.CANCELLED, on, Service.Reason.NOT_NEEDED
    service.save(update_fields=["state", "cancelled_on", "reason"])
    mails.emergency_ended(service)
