"""Orders that wait for a number (domain.md §5): staff fill them, the oldest of a place first.

Until then the customer may withdraw, and after 30 days the money goes back by itself. The lock on the pending service
decides between those who come at once: whoever has it finds the order waiting, and everybody after them does not.
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q

from billing import emergency, months
from billing.models import Service
from callcentric.errors import Refused
from catalog.models import Product
from orders import mails, refunds
from orders.models import Cart, Order, OrderLine
from orders.refunds import Refund
from phone_numbers import stock, waits
from phone_numbers.models import BackOrder, PhoneNumber, RateCenter
from phone_numbers.places_of_numbers import why_not_at

log = structlog.get_logger(__name__)

State = BackOrder.State


class NoLongerWaiting(Refused):
    """The order got its number, or its money back, before."""


class NotThisNumber(Refused):
    """Staff cannot assign this number; worded for them."""


@transaction.atomic
def fill(back_order: BackOrder, *, number: PhoneNumber, now: datetime) -> None:
    """Give ``number`` to the order's customer and tell them. Raises NoLongerWaiting or NumberTaken.

    Nobody pays for a month without a number: it is paid to the end of the month in which the number came, at least.
    """
    service = _locked(back_order)
    stock.assign(number, account=service.account, token=None, now=now)
    back_order.state, back_order.phone_number, back_order.closed_at = State.FILLED, number, now
    back_order.waited = waits.business_days(back_order.ordered_on, now.date())
    back_order.save(update_fields=["state", "phone_number", "closed_at", "waited"])
    service.state, service.phone_number = Service.State.ACTIVE, number
    service.paid_until = max(service.paid_until, months.last_day(now.date()))
    service.save(update_fields=["state", "phone_number", "paid_until"])
    _pay_911_on(service)
    mails.number_assigned(service)


@transaction.atomic
def assign_next(rate_center: RateCenter, *, now: datetime, number: PhoneNumber | None = None) -> BackOrder | None:
    """Give the oldest order that waits at this place ``number``, or the next that is free there.

    None where nobody waits or no number is free. Of several who do it at once, each serves another order with another
    number (SKIP LOCKED); None too where somebody has just taken up all that wait, or the last free number.
    """
    # The service's state is what is looked at again once it is locked, so it is asked for too.
    waiting = BackOrder.objects.waiting().filter(rate_center=rate_center, service__state=Service.State.PENDING)
    line = waiting.in_line().select_related("service", "account")
    first = line.select_for_update(of=("service",), skip_locked=True).first()
    number = number or _next_number(rate_center, now)
    if first is None or number is None:
        return None
    fill(first, number=number, now=now)
    return first


@transaction.atomic
def assign_this(rate_center: RateCenter, *, digits: str, now: datetime) -> BackOrder:
    """Give the oldest order of the place the number that staff have found; one new to the stock is added there first.

    Raises NotThisNumber, or NoLongerWaiting where no order there is left to take up; then nothing was added.
    """
    number, is_new = PhoneNumber.objects.select_related("rate_center__region").get_or_create(
        digits=digits, defaults={"rate_center": rate_center, "in_stock_since": now.date()}
    )
    elsewhere = why_not_at(rate_center, digits=digits) if is_new else ""
    if problem := elsewhere or _why_not_this(number, rate_center, now):
        raise NotThisNumber(problem)
    filled = assign_next(rate_center, number=number, now=now)
    if filled is None:
        raise NoLongerWaiting(
            f"No order for a number in {rate_center} can be taken up now: none waits any more, or somebody else is "
            "closing the last one. Nothing was changed. Look at the queue again."
        )
    return filled


def what_comes_back(back_order: BackOrder) -> Refund:
    """What withdrawing the order would put into the balance now. Raises NoLongerWaiting."""
    if back_order.state != State.WAITING:
        raise NoLongerWaiting(_why_not(back_order))
    return refunds.refund_of(_lines_to_give_back(back_order))


@transaction.atomic
def withdraw(back_order: BackOrder, *, now: datetime) -> Refund:
    """End a waiting order as its customer wishes and give the money back. Raises NoLongerWaiting."""
    refund = _end(back_order, State.WITHDRAWN, Service.Reason.WITHDRAWN, now)
    mails.back_order_withdrawn(back_order, refund)
    return refund


def refund_overdue(*, now: datetime) -> int:
    """Give the money back for orders that no number came for in 30 days, each by itself; returns how many."""
    overdue = BackOrder.objects.overdue(now.date()).in_line()
    return sum(_refund_unfilled(back_order, now) for back_order in overdue.select_related("account__user", "product"))


def _refund_unfilled(back_order: BackOrder, now: datetime) -> bool:
    try:
        with transaction.atomic():
            refund = _end(back_order, State.REFUNDED, Service.Reason.UNFILLED, now)
            mails.back_order_refunded(back_order, refund)
    except NoLongerWaiting:
        # Staff or the customer were faster.
        return False
    except Exception:
        # One that we cannot deal with must not keep the others waiting.
        log.exception("back-order not refunded", back_order=back_order.pk)
        return False
    return True


def _end(back_order: BackOrder, state: str, reason: str, now: datetime) -> Refund:
    """Close a waiting order without a number: its service ends, and its money goes back.

    So does 911 that nothing else calls for; what was paid for it goes back too where it is not active yet.
    """
    # Nothing is ordered meanwhile that would need 911 or pay for it, and nobody confirms it.
    Cart.objects.select_for_update().filter(account=back_order.account_id).first()
    e911 = Service.objects.held().filter(account=back_order.account_id, kind=Product.Kind.E911)
    paid = OrderLine.objects.filter(Q(services__back_order=back_order) | Q(services__in=e911))
    list(Order.objects.select_for_update().filter(pk__in=paid.values("order")).order_by("pk"))
    e911.select_for_update().first()
    service = _locked(back_order)
    lines = _lines_to_give_back(back_order)
    service.state, service.reason, service.cancelled_on = Service.State.CANCELLED, reason, now.date()
    service.save(update_fields=["state", "reason", "cancelled_on"])
    emergency.review(back_order.account, now=now)
    back_order.state, back_order.closed_at = state, now
    back_order.save(update_fields=["state", "closed_at"])
    return refunds.give_back(lines, now=now)


def _locked(back_order: BackOrder) -> Service:
    """The service of a waiting order, locked. Raises NoLongerWaiting, worded for the order's customer."""
    service = Service.objects.select_for_update().get(back_order=back_order)
    # Read after the lock was had: before it, somebody else may have been about to close it.
    back_order.refresh_from_db(fields=["state", "phone_number"])
    if back_order.state != State.WAITING:
        raise NoLongerWaiting(_why_not(back_order))
    return service


def _pay_911_on(service: Service) -> None:
    """911 that only numbers on their way call for is not renewed, so it is paid for as far as the number that came."""
    continuing = Service.objects.continuing().filter(account=service.account_id, kind__in=emergency.CALLS_FOR_911)
    if continuing.exclude(pk=service.pk).exists():
        return
    e911 = Service.objects.held().filter(account=service.account_id, kind=Product.Kind.E911)
    # Passed over where somebody has it: to wait for it would be against the order of locks.
    behind = e911.filter(paid_until__lt=service.paid_until).select_for_update(skip_locked=True)
    Service.objects.filter(pk__in=list(behind.values_list("pk", flat=True))).update(paid_until=service.paid_until)


def _why_not(back_order: BackOrder) -> str:
    if back_order.phone_number:
        return (
            f"Your number has come: {back_order.phone_number} is yours now, so this order can no longer be withdrawn. "
            "See it among your products."
        )
    if back_order.state == State.WITHDRAWN:
        return "This order is withdrawn already, and its money is in your balance."
    return "No number came in 30 days, so this order has ended already, and its money is in your balance."


def _why_not_this(number: PhoneNumber, rate_center: RateCenter, now: datetime) -> str:
    if number.rate_center_id != rate_center.pk:
        return f"{number} is a number of {number.rate_center}. The order waits for one in {rate_center}."
    if number.state == PhoneNumber.State.HELD and number.held_until and number.held_until > now:
        return (
            f"{number} is held for a cart until {number.held_until.astimezone(now.tzinfo):%-I:%M %p}. Choose another."
        )
    return {
        PhoneNumber.State.ASSIGNED: f"{number} is assigned to a customer.",
        PhoneNumber.State.KEPT: f"{number} is kept for its last holder, disconnected {number.disconnected_on}.",
        PhoneNumber.State.OUT: f"{number} is out of service: {number.note or 'no reason was noted'}.",
    }.get(number.state, "")  # type: ignore[call-overload]


def _lines_to_give_back(back_order: BackOrder) -> list[OrderLine]:
    """The line that the order was paid with, and what was paid for 911 that ends with it and is not active yet.

    911 may have come with an earlier order than this one, or been paid by several.
    """
    lines = OrderLine.objects.in_words().select_related("order__account")
    own = lines.get(services__back_order=back_order)
    held = Service.objects.held().filter(account=back_order.account_id)
    if held.filter(kind__in=emergency.CALLS_FOR_911).exclude(back_order=back_order).exists():
        return [own]
    not_active = held.filter(kind=Product.Kind.E911, state__in=[Service.State.PENDING, Service.State.FAILED])
    return [own, *lines.filter(services__in=not_active, refunded_at=None).order_by("pk")]


def _next_number(rate_center: RateCenter, now: datetime) -> PhoneNumber | None:
    """The next free number of the place, locked; one that somebody is just taking is passed over."""
    # Both states are said again for the planner: they are what the index number_free_here holds.
    held_or_in_stock = [PhoneNumber.State.IN_STOCK, PhoneNumber.State.HELD]
    free = PhoneNumber.objects.free(now).filter(rate_center=rate_center, state__in=held_or_in_stock)
    return free.order_by("digits").select_for_update(no_key=True, skip_locked=True).first()
