"""Fills and empties the cart, a visitor's or a customer's."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Q

from accounts.models import Account
from accounts.standing import check_open
from billing.models import Service
from callcentric.errors import Refused
from catalog.models import Product
from orders import lost, pricing
from orders.models import CHANNELS_PER_ORDER, Cart, CartLine, Order, OrderLine
from phone_numbers import coverage, stock
from phone_numbers.models import PhoneNumber, RateCenter

SESSION_KEY = "cart"
# No longer than a visitor's session lasts.
VISITORS_COME_BACK_WITHIN = timedelta(days=14)
# Each number in a cart is held. How many carts a visitor fills is limited by ACCOUNT_RATE_LIMITS.
NUMBERS_PER_CART = 10
# A button pressed twice within so long was meant once; later, somebody has come back for another number.
ONE_PRESS = timedelta(seconds=10)


class NotForTheCart(Refused):
    """The product cannot be ordered this way."""


class BeingPaid(Refused):
    """The line's order waits for the bank, so the line cannot be taken back."""


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


def add_plan(*, account: Account | None, session: SessionBase, product: Product, today: date) -> Cart:
    """Put a rate plan into the cart, in the place of one that was there: an account has one at most.

    Raises NotForTheCart for what is not offered or not ordered by itself.
    """
    check_offered(product, today)
    if product.kind != Product.Kind.PLAN or product.is_default:
        raise NotForTheCart(f"{product.name} is not ordered from here. See “Order products and services”.")
    with transaction.atomic():
        cart = open_cart(account=account, session=session)
        put_plan(cart, product)
    return cart


def add_number(
    *,
    account: Account | None,
    session: SessionBase,
    product: Product,
    rate_center: RateCenter,
    chosen: PhoneNumber | None = None,
    token: UUID | None = None,
    now: datetime,
) -> CartLine:
    """Put a phone number into the cart and hold it for 15 minutes (domain.md §5): the chosen one, or any of the place.

    Any is the very number that the customer has lost there under this product, while it is kept for them (§7). Where
    the place has none in stock, the line is for staff to fill. ``token`` names the form whose button was pressed:
    pressing it twice in a row adds one number. Raises NotForTheCart, or NumberTaken where the chosen one is not free.
    """
    check_offered(product, now.date())
    if account is None:
        # A customer's own number may come back where the product is sold no more.
        _check_sold(product, rate_center)
    with transaction.atomic():
        cart = open_cart(account=account, session=session)
        # Of this cart alone, whoever else has the same form: what is held under a token is held for one line.
        token = uuid5(token, str(cart.pk)) if token else uuid4()
        known = (
            cart.lines.filter(Q(token=token) | Q(phone_number=chosen, phone_number__isnull=False)).in_words().first()
        )
        if known and (known.phone_number == chosen or known.added_at > now - ONE_PRESS):
            _hold(known, now)
            return known
        # The same form again, later: whoever came back to it wants another number.
        token = uuid4() if cart.lines.filter(token=token).exists() else token
        return _put_number(cart, product, rate_center, chosen, token, now)


def hold_again(*, account: Account | None, session: SessionBase, line: int, now: datetime) -> CartLine:
    """Hold the line's number for another 15 minutes; for a line without one, a number that has come into stock.

    Raises NumberTaken, or DoesNotExist for somebody else's line.
    """
    with transaction.atomic():
        cart = _locked(current(account=account, session=session))
        found = CartLine.objects.in_words().get(pk=line, cart=cart, kind=Product.Kind.DID)
        _hold(found, now)
    return found


def add_channels(
    *, account: Account, session: SessionBase, number_service: Service, quantity: int, today: date
) -> Cart:
    """Put ``quantity`` extra channels for one of the account's numbers into the cart; in place of what was there.

    Raises NotForTheCart where the number takes none, or not so many (domain.md §2).
    """
    product = Product.objects.get(kind=Product.Kind.CHANNEL)
    check_offered(product, today)
    if not 1 <= quantity <= CHANNELS_PER_ORDER:
        raise NotForTheCart(f"Choose 1 to {CHANNELS_PER_ORDER} channels. For more, order again.")
    problem = pricing.channels_problem(number_service, quantity, used=number_service.channels.held().count())
    if problem:
        raise NotForTheCart(problem)
    with transaction.atomic():
        cart = open_cart(account=account, session=session)
        cart.lines.update_or_create(
            number_service=number_service,
            defaults={"product": product, "kind": product.kind, "quantity": quantity, "reclaims": None},
        )
    return cart


def add_911(*, account: Account | None, session: SessionBase, now: datetime) -> Cart:
    """Put 911 into the cart of a customer who has none and needs it; where it cannot be ordered, the quote says why.

    Raises NotForTheCart with that reason.
    """
    product = Product.objects.get(kind=Product.Kind.E911)
    check_offered(product, now.date())
    with transaction.atomic():
        cart = open_cart(account=account, session=session)
        line, _ = cart.lines.get_or_create(kind=product.kind, defaults={"product": product})
        there = account.service_address if account else None
        quoted = pricing.quote_for(account=account, lines=lines_of(cart), now=now, service_address=there)
        problem = next(each.problem for each in quoted.lines if each.token == line.token)
        if problem:
            raise NotForTheCart(problem)
    return cart


def remove(*, account: Account | None, session: SessionBase, line: int) -> bool:
    """Take a line out of the cart, and let go of its number; False where it was gone already.

    Raises DoesNotExist for somebody else's line, and BeingPaid.
    """
    found = CartLine.objects.select_related("product").filter(pk=line).first()
    if found is None:
        return False
    with transaction.atomic():
        # The cart first: an order that is being made of it has it locked.
        if found.cart != _locked(current(account=account, session=session)):
            raise CartLine.DoesNotExist
        if OrderLine.objects.filter(token=found.token, order__state=Order.State.PAYING).exists():
            raise BeingPaid(f"{found.product.name} is being paid right now. See “Orders” for what becomes of it.")
        removed = bool(found.delete()[0])
        if found.phone_number_id:
            stock.let_go([found.token])
        if found.kind == Product.Kind.DID and found.reclaims_id:
            # Channels that come back with their number do not without it.
            found.cart.lines.filter(number_service=found.reclaims_id).delete()
    return removed


def lock(account: Account) -> Cart:
    """The customer's cart, locked: whatever else is done with it or ordered from it waits."""
    carts_of_account = Cart.objects.select_for_update().filter(account=account)
    return carts_of_account.first() or carts_of_account.get(pk=Cart.objects.get_or_create(account=account)[0].pk)


def empty(cart: Cart) -> None:
    """Take everything out of a locked cart, and let go of its numbers."""
    tokens = list(cart.lines.values_list("token", flat=True))
    cart.lines.all().delete()
    stock.let_go(tokens)


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


def open_cart(*, account: Account | None, session: SessionBase) -> Cart:
    """The cart, made when there is none, locked so that two tabs fill it one after the other."""
    cart = current(account=account, session=session)
    if cart is None and account is not None:
        cart, _ = Cart.objects.get_or_create(account=account)
    elif cart is None:
        cart = Cart.objects.create()
        session[SESSION_KEY] = cart.pk
    cart = Cart.objects.select_for_update().get(pk=cart.pk)
    if account is not None:
        check_open(account)
    return cart


def check_offered(product: Product, today: date) -> None:
    """Raises NotForTheCart for what cannot be ordered on ``today``."""
    if not product.is_offered:
        raise NotForTheCart(f"{product.name} is no longer offered. Choose another product.")
    if not Product.objects.priced(today).filter(pk=product.pk).exists():
        raise NotForTheCart(f"{product.name} is not on sale yet. Choose another product.")


def put_plan(cart: Cart, product: Product) -> CartLine:
    """Put a rate plan into an open cart, in the place of another."""
    cart.lines.filter(kind=Product.Kind.PLAN).exclude(product=product).delete()
    return cart.lines.get_or_create(product=product, kind=Product.Kind.PLAN)[0]


def put_own_number(cart: Cart, service: Service, *, token: UUID, now: datetime) -> CartLine:
    """Put the number of a lost service into an open cart, once: it is kept for its last holder, so nobody holds it."""
    cart.lines.filter(phone_number=service.phone_number).exclude(reclaims=service).delete()
    about = {"product": service.product, "kind": service.kind, "rate_center": service.rate_center}
    line, _ = cart.lines.get_or_create(
        reclaims=service, defaults={**about, "phone_number": service.phone_number, "token": token, "added_at": now}
    )
    return line


def lines_of(cart: Cart | None) -> list[CartLine]:
    """What is in the cart, in the order it was put there."""
    return list(CartLine.objects.in_words().filter(cart=cart).order_by("pk")) if cart else []


def _locked(cart: Cart | None) -> Cart | None:
    return Cart.objects.select_for_update().filter(pk=cart.pk).first() if cart else None


def _put_number(
    cart: Cart, product: Product, rate_center: RateCenter, chosen: PhoneNumber | None, token: UUID, now: datetime
) -> CartLine:
    """A new line for a number: the customer's own that they had lost, or one that is held for it, or none yet."""
    again = _lost_there(cart, product, rate_center, chosen, now.date()) if cart.account else None
    if again and again.decision.comes_back:
        return put_own_number(cart, again.service, token=token, now=now)
    _check_sold(product, rate_center)
    _check_room(cart)
    _hold_lapsed(cart, rate_center, now)
    return cart.lines.create(
        token=token,
        product=product,
        kind=product.kind,
        rate_center=rate_center,
        phone_number=_held(rate_center, chosen, token, now),
        reclaims=again.service if again else None,
        added_at=now,
    )


def _check_sold(product: Product, rate_center: RateCenter) -> None:
    if not coverage.is_sold_at(product, rate_center):
        raise NotForTheCart(f"{product.name} is not sold in {rate_center}. Choose another product or another area.")


def _lost_there(
    cart: Cart, product: Product, rate_center: RateCenter, chosen: PhoneNumber | None, today: date
) -> lost.Lost | None:
    """What a number of this product and place brings back to its customer: the one they lost there, if it comes back.

    Where none does, one that another number takes the place of. None for another number that they have ``chosen``, and
    where the cart has all of them already.
    """
    assert cart.account  # noqa: S101 (asked for by the caller; said for the type checker)
    in_cart = set(cart.lines.exclude(reclaims=None).values_list("reclaims", flat=True))
    found = lost.at(cart.account, product, rate_center, today=today)
    there = [each for each in found if each.service.pk not in in_cart]
    own = (each for each in there if each.decision.comes_back and chosen in (None, each.service.phone_number))
    return next(own, None) or next((each for each in there if each.decision.is_replaced_free), None)


def _check_room(cart: Cart) -> None:
    # What was lost comes back whole: it is held for nobody, so it takes nothing from others.
    if cart.lines.filter(kind=Product.Kind.DID, reclaims=None).count() >= NUMBERS_PER_CART:
        raise NotForTheCart(f"A cart takes {NUMBERS_PER_CART} numbers. Check out first, then order more.")


def _held(rate_center: RateCenter, chosen: PhoneNumber | None, token: UUID, now: datetime) -> PhoneNumber | None:
    """The number that is now held under ``token``; None where nothing is in stock that nobody waits for."""
    may_sell = coverage.may_sell_at(rate_center)
    if chosen is None:
        return stock.hold_any(rate_center, token=token, now=now) if may_sell else None
    if not may_sell or chosen.rate_center_id != rate_center.pk:
        raise stock.NumberTaken(f"{chosen.national} is not in stock any more. Choose another number.")
    stock.hold(chosen, token=token, now=now)
    return chosen


def _hold(line: CartLine, now: datetime) -> None:
    """Hold the number of ``line``, or the next one of its place where it has none. Raises NumberTaken."""
    assert line.rate_center  # noqa: S101 (the cart's constraint; said for the type checker)
    number = line.phone_number
    if line.is_own_number:
        # Kept for its last holder, for longer than any cart would hold it.
        return
    if number is None:
        line.phone_number = _held(line.rate_center, None, line.token, now)
        line.save(update_fields=["phone_number"])
    elif number.is_held_for(line.token, now) or coverage.may_sell_at(line.rate_center):
        stock.hold(number, token=line.token, now=now)
    else:
        raise stock.NumberTaken(pricing.promised_to_others(number))


def _hold_lapsed(cart: Cart, rate_center: RateCenter, now: datetime) -> None:
    """Hold again what this cart has at the place and nobody else has taken: else it would be given to it once more."""
    for line in cart.lines.in_words().filter(rate_center=rate_center, phone_number__isnull=False):
        with suppress(stock.NumberTaken):
            _hold(line, now)


def _merge(visitors: Cart, account: Account) -> None:
    """Move a visitor's lines into the customer's cart; what was chosen last wins where only one can be."""
    with transaction.atomic():
        mine, _ = Cart.objects.get_or_create(account=account)
        # In the order of their keys, so that two logins at once cannot wait for each other.
        list(Cart.objects.select_for_update().filter(pk__in=[visitors.pk, mine.pk]).order_by("pk"))
        for line in visitors.lines.filter(kind=Product.Kind.PLAN).select_related("product"):
            put_plan(mine, line.product)
        numbers = visitors.lines.filter(kind=Product.Kind.DID)
        # Numbers stay held: what they are held under is the line, not the cart.
        mine.lines.filter(phone_number__in=numbers.exclude(phone_number=None).values("phone_number")).delete()
        numbers.update(cart=mine)
        visitors.delete()
