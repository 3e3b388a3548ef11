"""Fills and empties the cart, a visitor's or a customer's, and prices what is in it."""

from datetime import date, datetime, timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Q

from accounts.models import Account, Address
from billing import taxes
from billing.models import Service
from callcentric.errors import Refused
from catalog.models import Product
from orders.models import Cart, CartLine
from orders.quote import Holding, Quote, quote

SESSION_KEY = "cart"
# No longer than a visitor's session lasts.
VISITORS_COME_BACK_WITHIN = timedelta(days=14)


class NotForTheCart(Refused):
    """The product cannot be ordered this way."""


def current(*, account: Account | None, session: SessionBase) -> Cart | None:
    """The cart of whoever is asking. What a visitor put into theirs moves into the customer's at login."""
    visitors = Cart.objects.filter(pk=session[SESSION_KEY], account=None).first() if SESSION_KEY in session else None
    if account is None:
        return visitors
    if SESSION_KEY in session:
        if visitors:
            _merge(visitors, account)
        del session[SESSION_KEY]
    return Cart.objects.filter(account=account).first()


def add(*, account: Account | None, session: SessionBase, product: Product, today: date) -> Cart:
    """Put ``product`` into the cart. A rate plan takes the place of one that was there: an account has one at most.

    Raises NotForTheCart for what is not offered or not ordered by itself.
    """
    if not product.is_offered:
        raise NotForTheCart(f"{product.name} is no longer offered. Choose another product.")
    if not Product.objects.priced(today).filter(pk=product.pk).exists():
        raise NotForTheCart(f"{product.name} is not on sale yet. Choose another product.")
    if product.kind != Product.Kind.PLAN or product.is_default:
        raise NotForTheCart(f"{product.name} is not ordered from here. See “Order products and services”.")
    with transaction.atomic():
        cart = _open(account=account, session=session)
        _put(cart, product)
    return cart


def remove(*, account: Account | None, session: SessionBase, line: int) -> bool:
    """Take a line out of the cart; False where it was gone already. Raises DoesNotExist for somebody else's line."""
    found = CartLine.objects.filter(pk=line).first()
    if found is None:
        return False
    if found.cart != current(account=account, session=session):
        raise CartLine.DoesNotExist
    return bool(found.delete()[0])


def forget_visitors(*, now: datetime) -> int:
    """Delete the carts that visitors left long ago; returns how many there were."""
    left = Cart.objects.filter(account=None, made_at__lt=now - VISITORS_COME_BACK_WITHIN)
    return left.delete()[1].get("orders.Cart", 0)


def count(*, account: Account | None, session: SessionBase) -> int:
    """How many lines the cart has, for the header of every page: one query, none for a visitor without a cart."""
    lines = CartLine.objects.all()
    if account is not None and SESSION_KEY not in session:
        return lines.filter(cart__account=account).count()
    cart = current(account=account, session=session)
    return lines.filter(cart=cart).count() if cart else 0


def lines_of(cart: Cart | None) -> list[CartLine]:
    """What is in the cart, in the order it was put there."""
    return list(CartLine.objects.filter(cart=cart).order_by("pk")) if cart else []


def quote_for(*, account: Account | None, lines: list[CartLine], today: date, service_address: Address | None) -> Quote:
    """What the cart's lines cost this customer at the prices in force ``today``."""
    holding = holding_of(account)
    there = str(service_address) if service_address else ""
    wanted = [line.product_id for line in lines]
    products = Product.objects.priced(today).filter(Q(pk__in=wanted) | Q(kind=Product.Kind.E911)).in_bulk()
    return quote(
        wanted=[products[product] for product in wanted if product in products],
        e911=next(product for product in products.values() if product.kind == Product.Kind.E911),
        holding=holding,
        has_911_address=service_address.has_911 if service_address else None,
        tax_rate=taxes.rate_at(account.billing_address) if account else taxes.NO_TAX,
        today=today,
        # Compared as they are written: the same address may have been typed twice.
        moves_911_to=there if holding.has_911 and there != holding.address_911 else "",
    )


def holding_of(account: Account | None) -> Holding:
    """What the account holds that changes the price of an order."""
    if account is None:
        return Holding()
    kinds = [Product.Kind.PLAN, Product.Kind.E911]
    held = {
        service.kind: service
        for service in Service.objects.held()
        .filter(account=account, kind__in=kinds)
        .select_related("product", "address")
    }
    plan = held.get(Product.Kind.PLAN)
    emergency = held.get(Product.Kind.E911)
    return Holding(
        plan=plan.product if plan else None,
        has_911=emergency is not None,
        address_911=str(emergency.address) if emergency else "",
    )


def _open(*, account: Account | None, session: SessionBase) -> Cart:
    """The cart, made when there is none, locked so that two tabs fill it one after the other."""
    cart = current(account=account, session=session)
    if cart is None and account is not None:
        cart, _ = Cart.objects.get_or_create(account=account)
    elif cart is None:
        cart = Cart.objects.create()
        session[SESSION_KEY] = cart.pk
    return Cart.objects.select_for_update().get(pk=cart.pk)


def _put(cart: Cart, product: Product) -> None:
    if product.kind == Product.Kind.PLAN:
        cart.lines.filter(kind=Product.Kind.PLAN).exclude(product=product).delete()
    cart.lines.get_or_create(product=product, defaults={"kind": product.kind})


def _merge(visitors: Cart, account: Account) -> None:
    """Move a visitor's lines into the customer's cart; what was chosen last wins where only one can be."""
    with transaction.atomic():
        mine, _ = Cart.objects.get_or_create(account=account)
        # In the order of their keys, so that two logins at once cannot wait for each other.
        list(Cart.objects.select_for_update().filter(pk__in=[visitors.pk, mine.pk]).order_by("pk"))
        for line in visitors.lines.select_related("product").order_by("pk"):
            _put(mine, line.product)
        visitors.delete()
