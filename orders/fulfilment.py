"""Begins the services that an order brings about."""

from datetime import date, datetime

from django.db.models import Q

from billing import emergency, months
from billing.models import CHANNELS_PER_NUMBER, Service
from callcentric import clock
from callcentric.errors import Refused
from catalog.models import Product
from orders.models import Order, OrderLine
from phone_numbers import stock
from phone_numbers.models import BackOrder

Kind = Product.Kind


class CannotBegin(Refused):
    """What was ordered cannot be begun any more."""


def begin_services(order: Order, lines: list[OrderLine], *, now: datetime) -> list[Service]:
    """Begin the services of the order's ``lines``, paid to the end of what each line pays for; returns the new ones.

    A rate plan replaces the one the account has. A number is assigned, or waits for staff. Extra channels take places
    on their number. 911 waits for confirmation at the service address; where the account has it already, the line pays
    for its next days.
    Raises NumberTaken or CannotBegin, and then the order changes nothing.
    """
    # As of the day it was placed, which is the day it was priced for: the bank may have answered after midnight.
    today = order.placed_at.astimezone(clock.BUSINESS_ZONE).date()
    held = _held(order, lines)
    plan = next((service for service in held if service.kind == Kind.PLAN), None)
    e911 = next((service for service in held if service.kind == Kind.E911), None)
    if plan and any(line.product.kind == Kind.PLAN for line in lines):
        _replace(plan, today)
    begun: dict[int, list[Service]] = {}
    # Numbers in the order of their keys, so that two orders cannot wait for each other.
    for line in sorted(lines, key=lambda line: line.phone_number_id or 0):
        begun[line.pk] = _paid_on(e911, line, today) or _begun(order, line, held, today, now)
    services = [service for line in lines for service in begun[line.pk]]
    new = [service for service in services if service.pk is None]
    Service.objects.bulk_create(new)
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


def _held(order: Order, lines: list[OrderLine]) -> list[Service]:
    """What the account has that the order changes, locked: its plan, its 911, the numbers that get channels."""
    numbers = [line.number_service_id for line in lines if line.number_service_id]
    changed = Q(kind__in=[Kind.PLAN, Kind.E911]) | Q(pk__in=numbers)
    locked = Service.objects.select_for_update(of=("self",)).select_related("address").held()
    return list(locked.filter(changed, account=order.account).order_by("pk"))


def _begun(order: Order, line: OrderLine, held: list[Service], today: date, now: datetime) -> list[Service]:
    if line.product.kind == Kind.DID:
        return [_number(order, line, today, now)]
    if line.product.kind == Kind.CHANNEL:
        return _channels(order, line, held, today)
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
    )


def _number(order: Order, line: OrderLine, today: date, now: datetime) -> Service:
    """A phone number: assigned at once, or an order that waits for staff."""
    service = _service(order, line, today)
    service.rate_center = line.rate_center
    assert line.rate_center  # noqa: S101 (the cart's constraint; said for the type checker)
    if line.phone_number:
        stock.assign(line.phone_number, account=order.account, token=line.token, now=now)
        service.phone_number = line.phone_number
    else:
        service.state = Service.State.PENDING
        service.back_order = BackOrder.objects.create(
            account=order.account, product=line.product, rate_center=line.rate_center, ordered_at=now
        )
    return service


def _channels(order: Order, line: OrderLine, held: list[Service], today: date) -> list[Service]:
    """Extra channels in the lowest places that are free on their number, which is locked."""
    number = next((service for service in held if service.pk == line.number_service_id), None)
    if number is None:
        raise CannotBegin("The number that the channels were for has ended. Remove them from the cart.")
    taken = set(number.channels.held().values_list("slot", flat=True))
    free = [slot for slot in range(1, CHANNELS_PER_NUMBER + 1) if slot not in taken][: line.quantity]
    if len(free) < line.quantity:
        raise CannotBegin(f"The number takes only {len(free)} more channels. Change the cart and try again.")
    channels = [_service(order, line, today) for _ in free]
    for channel, slot in zip(channels, free, strict=True):
        channel.number_service, channel.slot = number, slot
    return channels


def _paid_on(e911: Service | None, line: OrderLine, today: date) -> list[Service]:
    """The 911 service that the account has already, paid on; nothing for a line that begins anew."""
    if line.product.kind != Kind.E911 or e911 is None:
        return []
    e911.paid_until = max(e911.paid_until, months.paid_until(today))
    if _pays_by_the_month(line):
        e911.fee_paid_until = months.paid_until(today)
    e911.save(update_fields=["paid_until", "fee_paid_until"])
    return [e911]


def _pays_by_the_month(line: OrderLine) -> bool:
    """Whether the line pays for days, and not for a set-up alone."""
    return bool(line.this_month or line.next_month)


def _replace(plan: Service, today: date) -> None:
    plan.state = Service.State.CANCELLED
    plan.cancelled_on = today
    plan.reason = Service.Reason.REPLACED
    plan.save(update_fields=["state", "cancelled_on", "reason"])
