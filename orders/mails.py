"""E-mails about orders."""

from django.conf import settings
from django.urls import reverse

from accounts import mails
from orders.models import Order, OrderLine


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
