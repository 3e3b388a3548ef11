"""E-mails about orders, queued as rows in the order's own transaction."""

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from post_office import mail

from orders.models import Order, OrderLine


def order_completed(order: Order, lines: list[OrderLine]) -> None:
    """Confirm an order: what was ordered, what was paid and from what, and what happens next."""
    context = {
        "order": order,
        "lines": lines,
        "link": settings.SITE_URL + reverse("order_detail", args=[order.reference]),
        "OPERATOR": settings.OPERATOR,
    }
    mail.send(
        order.account.user.email,
        settings.DEFAULT_FROM_EMAIL,
        subject=f"Your {settings.OPERATOR} order {order.reference}",
        message=render_to_string("orders/emails/order_completed.txt", context),
    )
