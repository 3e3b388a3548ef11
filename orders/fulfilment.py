"""Begins the services that an order brings about."""

from datetime import date, datetime
from itertools import zip_longest

from django.db.models import Q

from billing import emergency, months
from billing.models import CHANNELS_PER_NUMBER, Service
from callcentric import clock
from callcentric.errors import Refused
from catalog.models import Product
from orders import lost as losses
from orders.models import Order, OrderLine
from phone_numbers import stock
from phone_numbers.models import BackOrder

Kind = Product.Kind


class CannotBegin(Refused):
    """What was ordered cannot be begun any more."""


def begin_services(order: Order, lines: list[OrderLine], *, now: datetime) -> list[Service]:
    """Begin the services of the order's ``lines``, paid to the end of what each line pays for; returns the new ones.

    A rate plan replaces the one the account has, and carries 911 that is inside it. A number is assigned, or waits for
    staff, or is given back to who lost it. Extra channels take places on their number. 911 waits for confirmation at
    the service address; where the account has it already, the line pays for its next days. What brings back something
    that was lost says so (domain.md §7).
    Raises NumberTaken or CannotBegin, and then the order changes nothing.
    """
    # As of the day it was placed, which is the day it was priced for: the bank may have answered after midnight.
    today = order.placed_at.astimezone(clock.BUSINESS_ZONE).date()
    _check_still_lost(lines)
    held = _held(order, lines)
    plan = next((service for service in held if service.kind == Kind.PLAN), None)
    e911 = next((service for service in held if service.kind == Kind.E911), None)
    if plan and any(line.product.kind == Kind.PLAN for line in lines):
        _replace(plan, today)
    if e911 and any(line.product.kind in emergency.CALLS_FOR_911 for line in lines):
        _keep(e911)
    begun: dict[int, list[Service]] = {}
    # Numbers in the order of their keys, so that two orders cannot wait for each other; then channels, which may be on
    # one of these.
    for line in sorted(lines, key=lambda line: (line.product.kind == Kind.CHANNEL, line.phone_number_id or 0)):
        there = [*held, *(service for services in begun.values() for service in services)]
        begun[line.pk] = _paid_on(e911, line, today) or _begun(order, line, there, today, now)
    services = [service for line in lines for service in begun[line.pk]]
    new = [service for service in services if service.pk is None]
    Service.objects.bulk_create([service for service in new if service.kind != Kind.CHANNEL])
    Service.objects.bulk_create([service for service in new if service.kind == Kind.CHANNEL])
    _carry(e911, new)
    through = OrderLine.services.through
    through.objects.bulk_create(
        through(orderline=line, service=service) for line in lines for service in begun[line.pk]
    )
    # To where the customer is now: the address may have changed while the bank was asked.
    if emergency.decision_for(order.account, [*_still(held), *new]) != emergency.Decision.NOTHING:
        emergency.review(order.account, now=now)
    return new


def _still(held: list[Service]) -> list[Service]:
    return [service for service in held if service.state != Service.State.CANCELLED]


def _check_still_lost(lines: list[OrderLine]) -> None:
    """Raises CannotBegin where something that the order brings back has come back before, by another order."""
    lost = [line.reclaims_id for line in lines if line.reclaims_id]
    if not lost:
        return
    list(Service.objects.select_for_update(of=("self",)).filter(pk__in=lost).order_by("pk"))
    # Asked once they are locked: whoever had the lock before has written down what they brought back.
    back = Service.objects.filter(reclaims__in=lost).select_related("product", "phone_number").first()
    if back:
        what = f"{back.product} {back.phone_number or ''}".rstrip()
        raise CannotBegin(f"You have {what} back already. Remove it from the cart.")


def _held(order: Order, lines: list[OrderLine]) -> list[Service]:
    """What the account has that the order changes, locked: its plan, its 911, the numbers that get channels."""
    channels = [line.number_service for line in lines if line.number_service]
    # Channels that come back name the number as it was lost, and it may be back by now.
    numbers = Q(pk__in=[number.pk for number in channels]) | Q(phone_number__in=_numbers_of_lost_channels(lines))
    changed = Q(kind__in=[Kind.PLAN, Kind.E911]) | numbers
    locked = Service.objects.select_for_update(of=("self",)).select_related("address").held()
    return list(locked.filter(changed, account=order.account).order_by("pk"))


def _numbers_of_lost_channels(lines: list[OrderLine]) -> list[int | None]:
    return [line.number_service.phone_number_id for line in lines if line.number_service and line.reclaims_id]


def _keep(e911: Service) -> None:
    """911 that was to end with the last plan or number goes on with a new one."""
    if e911.is_ending:
        e911.ending_asked_at = None
        e911.save(update_fields=["ending_asked_at"])


def _begun(order: Order, line: OrderLine, there: list[Service], today: date, now: datetime) -> list[Service]:
    if line.product.kind == Kind.DID:
        return [_number(order, line, today, now)]
    if line.product.kind == Kind.CHANNEL:
        return _channels(order, line, there, today)
    return [_service(order, line, today)]


def _service(order: Order, line: OrderLine, today: date) -> Service:
    is_911 = line.product.kind == Kind.E911
    return Service(
        account=order.account,
        product=line.product,
        kind=line.product.kind,
        state=Service.State.PENDING if is_911 else Service.State.ACTIVE,
        address=order.service_address if is_911 else None,
        started_on=today,
        paid_until=months.paid_until(today),
        fee_paid_until=months.paid_until(today) if is_911 and _pays_by_the_month(line) else None,
        reclaims=line.reclaims,
    )


def _number(order: Order, line: OrderLine, today: date, now: datetime) -> Service:
    """A phone number: given back or assigned at once, or an order that waits for staff."""
    service = _service(order, line, today)
    service.rate_center = line.rate_center
    assert line.rate_center  # noqa: S101 (the cart's constraint; said for the type checker)
    if line.phone_number:
        _take(line, order, today, now)
        service.phone_number = line.phone_number
    else:
        service.state = Service.State.PENDING
        service.back_order = BackOrder.objects.create(
            account=order.account, product=line.product, rate_center=line.rate_center, ordered_at=now
        )
    return service


def _take(line: OrderLine, order: Order, today: date, now: datetime) -> None:
    """The number of the line for the order's customer. Raises NumberTaken."""
    assert line.phone_number  # noqa: S101 (asked for by the caller; said for the type checker)
    if line.is_own_number:
        try:
            return stock.reclaim(line.phone_number, account=order.account, today=today)
        except stock.NumberTaken:
            if now.date() == today:
                raise
    # Of one that was lost: its 45 days ran out while the bank was asked, so it may be in stock.
    return stock.assign(line.phone_number, account=order.account, token=line.token, now=now)


def _channels(order: Order, line: OrderLine, there: list[Service], today: date) -> list[Service]:
    """Extra channels in places that are free on their number, which is locked or begins with this order.

    The lowest; those that come back have the places they had.
    """
    number = _number_of(line, there)
    if number is None:
        raise CannotBegin("The number that the channels were for has ended. Remove them from the cart.")
    lost = list(losses.channels_that_ended_with(line.reclaims)[: line.quantity]) if line.reclaims else []
    taken = set(number.channels.held().values_list("slot", flat=True)) if number.pk else set()
    slots = sorted(set(range(1, CHANNELS_PER_NUMBER + 1)) - taken)
    slots = sorted(slots, key=lambda slot: slot not in {channel.slot for channel in lost})[: line.quantity]
    if len(slots) < line.quantity:
        raise CannotBegin(f"The number takes only {len(slots)} more channels. Change the cart and try again.")
    channels = [_service(order, line, today) for _ in slots]
    for channel, slot, before in zip_longest(channels, sorted(slots), lost):
        channel.number_service, channel.slot, channel.reclaims = number, slot, before
    return channels


def _number_of(line: OrderLine, there: list[Service]) -> Service | None:
    """The number among what is ``there`` that the line's channels go onto."""
    wanted = line.number_service
    assert wanted  # noqa: S101 (the cart's constraint; said for the type checker)
    same = (service for service in there if service.pk == wanted.pk)
    back = (service for service in there if service.phone_number_id == wanted.phone_number_id and line.reclaims_id)
    return next(same, None) or next(back, None)


def _paid_on(e911: Service | None, line: OrderLine, today: date) -> list[Service]:
    """The 911 service that the account has already, paid on; nothing for a line that begins anew."""
    if line.product.kind != Kind.E911 or e911 is None:
        return []
    e911.paid_until = max(e911.paid_until, months.paid_until(today))
    if _pays_by_the_month(line):
        e911.fee_paid_until = months.paid_until(today)
    e911.save(update_fields=["paid_until", "fee_paid_until"])
    return [e911]


def _carry(e911: Service | None, new: list[Service]) -> None:
    """911 is paid as far as the new plan that it is inside of, whatever becomes of a renewal that has failed."""
    plan = next((each for each in new if each.kind == Kind.PLAN and each.product.includes_911), None)
    if e911 and plan and e911.paid_until < plan.paid_until:
        e911.paid_until = plan.paid_until
        e911.save(update_fields=["paid_until"])


def _pays_by_the_month(line: OrderLine) -> bool:
    """Whether the line pays for days, and not for a set-up alone."""
    return bool(line.this_month or line.next_month)


def _replace(plan: Service, today: date) -> None:
    plan.state = Service.State.CANCELLED
    plan.cancelled_on = today
    plan.reason = Service.Reason.REPLACED
    plan.save(update_fields=["state", "cancelled_on", "reason"])
