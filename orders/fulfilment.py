"""Begins the services that an order brings about."""

from datetime import date

from accounts.models import Account
from billing import months
from billing.models import Service
from catalog.models import Product
from orders.models import Order, OrderLine


def begin_services(order: Order, *, today: date) -> None:
    """Begin a service for each line of ``order``, paid to the end of what the line pays for.

    A rate plan replaces the one the account has. 911 waits for confirmation; where the account has it already, the
    line pays for its next days.
    """
    # One query locks what the order may change, in the order of design.md: order, then services.
    held = list(Service.objects.select_for_update().held().filter(account=order.account))
    lines = list(order.lines.select_related("product").order_by("position"))
    for line in lines:
        if line.product.kind == Product.Kind.PLAN:
            _end_plans(held, today)
        line.service = _service_for(line, order, held, today)
    OrderLine.objects.bulk_update(lines, ["service"])


def _service_for(line: OrderLine, order: Order, held: list[Service], today: date) -> Service:
    paid_until = months.paid_until(today)
    if line.product.kind == Product.Kind.E911:
        has = next((service for service in held if service.kind == Product.Kind.E911), None)
        if has:
            has.paid_until = max(has.paid_until, paid_until)
            has.save(update_fields=["paid_until"])
            return has
        return _begin(
            order.account,
            line.product,
            today,
            paid_until,
            state=Service.State.PENDING,
            address=order.service_address,
        )
    return _begin(order.account, line.product, today, paid_until)


def _begin(account: Account, product: Product, today: date, paid_until: date, **more: object) -> Service:
    return Service.objects.create(
        account=account, product=product, kind=product.kind, started_on=today, paid_until=paid_until, **more
    )


def _end_plans(held: list[Service], today: date) -> None:
    for service in held:
        if service.kind == Product.Kind.PLAN:
            service.state = Service.State.CANCELLED
            service.cancelled_on = today
            service.reason = Service.Reason.REPLACED
            service.save(update_fields=["state", "cancelled_on", "reason"])
