"""Extra channels on numbers and in carts, for tests."""

from datetime import date

from accounts.models import Account
from billing.models import Service
from catalog.models import Product
from orders.models import Cart, CartLine
from phone_numbers.models import BackOrder
from tests.factories import RateCenterFactory


def hold_channels(number: Service, count: int, *, state: str = "active") -> list[Service]:
    """``count`` extra channels that ``number`` has, in the places that are free."""
    product = Product.objects.get(kind=Product.Kind.CHANNEL)
    taken = set(number.channels.held().values_list("slot", flat=True))
    free = [slot for slot in range(1, 21) if slot not in taken][:count]
    ended = {"cancelled_on": date(2027, 1, 5), "reason": "customer"} if state == "cancelled" else {}
    return [
        Service.objects.create(
            account=number.account,
            product=product,
            kind=product.kind,
            state=state,
            number_service=number,
            slot=slot,
            started_on=number.started_on,
            paid_until=number.paid_until,
            **ended,
        )
        for slot in free
    ]


def wait_for_number(account: Account) -> Service:
    """A number that staff have still to assign."""
    place, product = RateCenterFactory(), Product.objects.get(code="pay-per-minute")
    return Service.objects.create(
        account=account,
        product=product,
        kind="did",
        state="pending",
        rate_center=place,
        back_order=BackOrder.objects.create(account=account, product=product, rate_center=place),
        started_on=date(2027, 1, 1),
        paid_until=date(2027, 1, 31),
    )


def put_channels(number: Service, quantity: int) -> None:
    cart, _ = Cart.objects.get_or_create(account=number.account)
    product = Product.objects.get(kind="channel")
    CartLine.objects.create(cart=cart, product=product, kind=product.kind, number_service=number, quantity=quantity)


def in_cart(account: Account) -> list[tuple[int, int]]:
    lines = CartLine.objects.filter(cart__account=account, kind="channel").order_by("pk")
    return list(lines.values_list("number_service_id", "quantity"))
