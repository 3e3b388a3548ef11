"""Customers who wait for a number: nothing is in stock in Albany when they order."""

from datetime import datetime, timedelta

from accounts.models import Account
from catalog.models import Product
from orders import cart, pricing
from orders.models import Cart, CartLine, Order
from orders.quote import Quote
from phone_numbers.models import BackOrder, RateCenter
from tests.factories import RateCenterFactory
from tests.orders import channels
from tests.orders.checkouts import NOON, place

# Beyond the last day a waiting order is refunded on.
DAY_30 = NOON + timedelta(days=30)


def number_into_cart(account: Account, code: str = "personal-unlimited", at: RateCenter | None = None) -> CartLine:
    """A number that staff will have to find."""
    mine, _ = Cart.objects.get_or_create(account=account)
    product = Product.objects.get(code=code)
    return mine.lines.create(product=product, kind=product.kind, rate_center=at or RateCenterFactory())


def order_what_is_in_the_cart(account: Account, *, now: datetime = NOON) -> Order:
    return place(account, now=now, total=quote_of(account, now=now).total)


def quote_of(account: Account, *, now: datetime = NOON) -> Quote:
    account = Account.objects.select_related("billing_address", "service_address").get(pk=account.pk)
    lines = cart.lines_of(account.cart)
    return pricing.quote_for(account=account, lines=lines, now=now, service_address=account.service_address)


def wait_for_number(
    account: Account, code: str = "personal-unlimited", at: RateCenter | None = None, *, now: datetime = NOON
) -> BackOrder:
    """An order for a number that waits, paid from the balance."""
    number_into_cart(account, code, at)
    order = order_what_is_in_the_cart(account, now=now)
    return BackOrder.objects.get(service__order_lines__order=order)


def wait_in_line(order: Order) -> BackOrder:
    """A waiting number as a line of ``order``, which nobody has paid for."""
    service = channels.wait_for_number(order.account)
    line = order.lines.create(product=service.product, rate_center=service.rate_center, position=99)
    line.services.add(service)
    return service.back_order
