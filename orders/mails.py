"""E-mails about orders."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse

from accounts import mails
from billing.models import Service
from orders.models import Order, OrderLine
from orders.refunds import Refund
from phone_numbers.models import BackOrder

if TYPE_CHECKING:
    from orders.closing import Closing


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
    """Tell the customer which number is theirs now, or again."""
    lost = service.reclaims
    is_back = lost is not None and lost.phone_number_id == service.phone_number_id
    mails.write(
        service.account,
        subject=f"{'Your phone number is back' if is_back else 'Your new phone number'}: {service.phone_number}",
        template="orders/emails/number_assigned.txt",
        service=service,
        is_back=is_back,
        link=settings.SITE_URL + reverse("dashboard"),
    )


def back_order_withdrawn(back_order: BackOrder, refund: Refund) -> None:
    """Confirm that the customer no longer waits for a number, and say what came back."""
    mails.write(
        back_order.account,
        subject=f"Your order for a number in {back_order.rate_center} is withdrawn",
        template="orders/emails/back_order_withdrawn.txt",
        back_order=back_order,
        refund=refund,
        link=settings.SITE_URL + reverse("transactions"),
    )


def back_order_refunded(back_order: BackOrder, refund: Refund) -> None:
    """Tell the customer that no number came in 30 days, and that the money is back."""
    mails.write(
        back_order.account,
        subject=f"We found no number in {back_order.rate_center}: your money is back",
        template="orders/emails/back_order_refunded.txt",
        back_order=back_order,
        refund=refund,
        link=settings.SITE_URL + reverse("coverage"),
    )


def account_closed(closing: "Closing") -> None:
    """Confirm that an account is closed: what ended, what goes back to which card, what does not."""
    mails.write(
        closing.account,
        subject=f"Your {settings.OPERATOR} account {closing.account.number} is closed",
        template="orders/emails/account_closed.txt",
        closing=closing,
        link=settings.SITE_URL + reverse("transactions"),
    )
