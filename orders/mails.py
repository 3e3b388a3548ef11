"""E-mails about orders."""

from django.conf import settings
from django.urls import reverse

from accounts import mails
from billing.models import Service
from orders.models import Order, OrderLine


def order_not_completed(order: Order) -> None:
    """Tell a customer whose card was charged for an order that failed after it where the money is."""
    mails.write(
        order.account,
        subject=f"Your {settings.OPERATOR} order {order.reference} was not completed",
        template="orders/emails/order_not_completed.txt",
        order=order,
        link=settings.SITE_URL + reverse("cart"),
    )


def order_completed(order: Order, lines: list[OrderLine]) -> None:
    """Confirm an order: what was ordered, what was paid and from what, and what happens next."""
    mails.write(
        order.account,
        subject=f"Your {settings.OPERATOR} order {order.reference}",
        template="orders/emails/order_completed.txt",
        order=order,
        lines=lines,
        link=settings.SITE_URL + reverse("order_detail", args=[order.reference]),
    )


def number_assigned(service: Service) -> None:
    """Tell the customer which number is theirs now."""
    mails.write(
        service.account,
        subject=f"Your new phone number: {service.phone_number}",
        template="orders/emails/number_assigned.txt",
        service=service,
        link=settings.SITE_URL + reverse("dashboard"),
    )
