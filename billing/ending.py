"""Ends services: with their paid month where the customer cancels, at once where staff do (domain.md §6).

What hangs on a service ends with it: the channels of a number, and 911 with the last plan or number.
"""

from collections.abc import Collection
from datetime import date, datetime

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.text import Truncator

from accounts import audit_log
from accounts.models import Account, AuditEntry, User
from billing import emergency, mails, months
from billing.models import Service
from callcentric.errors import Refused
from catalog.models import Product
from phone_numbers import stock

log = structlog.get_logger(__name__)

State = Service.State
Kind = Product.Kind
LONGEST_DETAILS = 500


class CannotCancel(Refused):
    """The service cannot be cancelled, or not now."""


class CannotKeep(Refused):
    """The cancellation cannot be taken back any more."""


@transaction.atomic
def cancel(service: Service, *, today: date, now: datetime) -> Service:
    """End ``service`` when its paid month is over, as its customer wishes; until then ``keep`` takes it back.

    Doing it twice does it once. Raises CannotCancel: from the 27th to the end of the month, and for what is not
    cancelled by itself.
    """
    service = _locked(service)
    if service.is_ending:
        return service
    if problem := why_not_cancel(service, today=today):
        raise CannotCancel(problem)
    service.ending_asked_at = now
    service.save(update_fields=["ending_asked_at"])
    mails.service_ending(service)
    return service


@transaction.atomic
def keep(service: Service, *, today: date) -> Service:
    """Take a cancellation back, up to the last paid day. Raises CannotKeep."""
    service = _locked(service)
    if service.state == State.CANCELLED or service.paid_until < today:
        raise CannotKeep("This service has ended already. You can order it again: see “What you have lost”.")
    number = service.number_service
    if number and number.is_ending:
        raise CannotKeep(f"The channel is on {number.phone_number}, which is cancelled. Keep the number first.")
    service.ending_asked_at = None
    service.save(update_fields=["ending_asked_at"])
    return service


def why_not_cancel(service: Service, *, today: date) -> str:
    """Why the customer cannot cancel ``service`` today, and what to do instead; empty where they can."""
    if service.state == State.CANCELLED:
        return "This service has ended already."
    if service.is_waiting:
        return "This number has not come yet. Withdraw the order instead, and its money comes back."
    if service.kind == Kind.E911:
        return "911 ends by itself with your last rate plan or phone number, and is not cancelled alone."
    if months.is_collecting(today):
        return (
            f"From the {months.CYCLE_STARTS_ON_DAY}th to the end of a month nothing can be cancelled, because the "
            f"next month is being billed. You can cancel again from {months.next_month(today):%-d %B %Y}."
        )
    return ""


@transaction.atomic
def end(services: Collection[Service], *, reason: str, on: date, now: datetime) -> list[Service]:
    """End services of one account at once; ``on`` is the day they ended. Returns all that did, channels included.

    A number is kept for its last holder from that day on. What has ended before stays as it is.
    """
    wanted = [service.pk for service in services]
    _lock_all_of({service.account_id for service in services})
    held = Service.objects.held().select_related("account", "product", "phone_number")
    ended = list(
        held.filter(Q(pk__in=wanted) | Q(number_service__in=wanted)).order_by("pk").select_for_update(of=("self",))
    )
    for service in ended:
        service.state, service.reason, service.cancelled_on = State.CANCELLED, reason, on
    Service.objects.bulk_update(ended, ["state", "reason", "cancelled_on"])
    for service in sorted(ended, key=lambda service: service.phone_number_id or 0):
        if service.phone_number:
            stock.disconnect(service.phone_number, holder=service.account, on=on)
    if ended:
        emergency.review(ended[0].account, now=now, on=on)
    return ended


def can_end_at_once(service: Service) -> bool:
    """Whether staff may end it: not what has ended, nor an order that waits for a number, whose money would stay."""
    return service.state != State.CANCELLED and not service.is_waiting


def what_ends_along(services: Collection[Service]) -> list[Service]:
    """What ``end`` ends besides these: the channels of numbers, and 911 where nothing is left that calls for it."""
    accounts, keys = {service.account_id for service in services}, {service.pk for service in services}
    held = Service.objects.held().in_words().select_related("account__user", "number_service__phone_number")
    others = held.exclude(pk__in=keys)
    calling = others.filter(account__in=accounts, kind__in=emergency.CALLS_FOR_911)
    in_need = set(calling.values_list("account", flat=True))
    e911 = Q(kind=Kind.E911, account__in=accounts - in_need)
    return list(others.filter(Q(number_service__in=keys) | e911).order_by("pk"))


def end_at_once(service: Service, *, reason: str, by: User, now: datetime) -> list[Service]:
    """Staff's cancellation: it takes effect today, an e-mail says so, and the audit log who did it.

    Returns what ended: nothing where ``can_end_at_once`` says no.
    """
    if not can_end_at_once(service):
        return []
    with transaction.atomic():
        ended = end([service], reason=reason, on=now.date(), now=now)
        if ended:
            mails.services_ended(ended[0].account, ended, now.date())
            audit_log.record(
                by=by,
                action=AuditEntry.Action.SERVICE,
                account=ended[0].account,
                reason=Service.Reason(reason).label,
                details=Truncator(", ".join(service.title for service in ended)).chars(LONGEST_DETAILS),
            )
    return ended


def end_what_is_over(*, today: date, now: datetime) -> int:
    """End what customers have cancelled and whose paid month is over on ``today``; returns how many services ended.

    Each account by itself, so that one we cannot deal with does not keep the others waiting.
    """
    over = Service.objects.ended(today).order_by().values_list("account", flat=True).distinct()
    return sum(_end_of(Account.objects.get(pk=account), today, now) for account in list(over))


def _end_of(account: Account, today: date, now: datetime) -> int:
    try:
        with transaction.atomic():
            return _end_over(account, today, now)
    except Exception:
        log.exception("services not ended", account=account.pk)
        return 0


def _end_over(account: Account, today: date, now: datetime) -> int:
    _lock_all_of({account.pk})
    over = Service.objects.ended(today).filter(account=account).select_for_update().order_by("pk")
    by_day: dict[date, list[Service]] = {}
    for service in over:
        by_day.setdefault(service.paid_until, []).append(service)
    ended = []
    for day, services in sorted(by_day.items()):
        # The day it ended is the last one paid for, however late this runs.
        ended += end(services, reason=Service.Reason.CUSTOMER, on=day, now=now)
    if ended:
        mails.services_ended(account, ended, max(by_day))
    return len(ended)


def _lock_all_of(accounts: Collection[int]) -> None:
    """Lock all that the accounts hold, in the order of their keys, as the cycle does: 911 may end too."""
    held = Service.objects.held().filter(account__in=accounts).order_by("pk")
    list(held.select_for_update(of=("self",)).values_list("pk", flat=True))


def _locked(service: Service) -> Service:
    about = Service.objects.select_related("product", "phone_number", "rate_center__region", "account__user")
    return about.select_related("number_service__phone_number").select_for_update(of=("self",)).get(pk=service.pk)
