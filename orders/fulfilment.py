"""Begins the services that an order brings about."""

from datetime import date

from billing import months
from billing.models import Service
from catalog.models import Product
from orders.models import Order, OrderLine

Kind = Product.Kind


def begin_services(order: Order, lines: list[OrderLine], *, today: date) -> None:
    """Begin a service for each of the order's ``lines``, paid to the end of what the line pays for.

    A rate plan replaces the one the account has. 911 waits for confirmation; where the account has it already, the
    line pays for its next days.
    """
    held = {
        service.kind: service
        for service in Service.objects.select_for_update(of=("self",))
        .select_related("address")
        .held()
        .filter(account=order.account, kind__in=[Kind.PLAN, Kind.E911])
    }
    if any(line.product.kind == Kind.PLAN for line in lines) and Kind.PLAN in held:
        _replace(held[Kind.PLAN], today)
    if Kind.E911 in held and order.service_address.has_911:
        _move(held[Kind.E911], order)
    services = [_extended(held, line, today) or _new(order, line, today) for line in lines]
    Service.objects.bulk_create([service for service in services if service.pk is None])
    through = OrderLine.services.through
    through.objects.bulk_create(
        through(orderline=line, service=service) for line, service in zip(lines, services, strict=True)
    )


def _extended(held: dict[str, Service], line: OrderLine, today: date) -> Service | None:
    """The 911 service that the account has already, paid on; None for anything that begins anew."""
    if line.product.kind != Kind.E911 or Kind.E911 not in held:
        return None
    service = held[Kind.E911]
    service.paid_until = max(service.paid_until, months.paid_until(today))
    service.save(update_fields=["paid_until"])
    return service


def _move(emergency: Service, order: Order) -> None:
    """Take 911 along to another service address, where it waits to be confirmed again (domain.md §12)."""
    if str(emergency.address) == str(order.service_address):
        return
    emergency.address = order.service_address
    emergency.state = Service.State.PENDING
    emergency.confirmed_at = None
    emergency.save(update_fields=["address", "state", "confirmed_at"])


def _new(order: Order, line: OrderLine, today: date) -> Service:
    is_911 = line.product.kind == Kind.E911
    return Service(
        account=order.account,
        product=line.product,
        kind=line.product.kind,
        state=Service.State.PENDING if is_911 else Service.State.ACTIVE,
        address=order.service_address if is_911 else None,
        started_on=today,
        paid_until=months.paid_until(today),
    )


def _replace(plan: Service, today: date) -> None:
    plan.state = Service.State.CANCELLED
    plan.cancelled_on = today
    plan.reason = Service.Reason.REPLACED
    plan.save(update_fields=["state", "cancelled_on", "reason"])
