"""Pages for choosing: what can be ordered, and the cart."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import CustomerRequest, open_accounts_only
from accounts.models import Account, Address
from callcentric import clock
from callcentric.errors import Refused
from catalog.models import Product
from orders import cart as carts
from orders import pricing
from orders.models import CartLine
from orders.quote import Line, Quote
from orders.reclaim import LAST_DAY_KEPT
from phone_numbers import coverage
from phone_numbers.models import PhoneNumber, RateCenter


@dataclass(frozen=True)
class Row:
    """A line of the quote with what the cart's page can do about it."""

    line: Line
    in_cart: CartLine | None = None
    # Until when its number is held; None where it holds none.
    held_until: datetime | None = None
    # The last day on which the number, which its customer had lost, is kept for them.
    yours_until: date | None = None
    # It was put there for staff to fill, and a number has come into stock since.
    has_come: bool = False

    @property
    def has_lapsed(self) -> bool:
        """The 15 minutes are over, and nobody else has taken the number yet."""
        is_kept = self.held_until or self.yours_until
        return bool(self.in_cart and self.in_cart.phone_number_id and not is_kept and not self.line.problem)


@require_safe
@open_accounts_only
def order(request: CustomerRequest) -> HttpResponse:
    """Order products and services: what kinds there are, and where each is ordered."""
    today = clock.today()
    products = list(Product.objects.offered().priced(today).order_by("position"))
    context = {
        "plans": [product for product in products if product.kind == Product.Kind.PLAN and not product.is_default],
        "dids": [product for product in products if product.kind == Product.Kind.DID],
        "channel": next((product for product in products if product.kind == Product.Kind.CHANNEL), None),
        "holding": pricing.holding_of(request.account),
    }
    return render(request, "orders/order.html", context)


@require_safe
@open_accounts_only
def order_outbound(request: CustomerRequest) -> HttpResponse:
    plans = Product.objects.plans().offered().priced(clock.today()).order_by("position")
    context = {"plans": plans, "holding": pricing.holding_of(request.account)}
    return render(request, "orders/order_outbound.html", context)


@require_safe
@login_not_required
def cart(request: HttpRequest) -> HttpResponse:
    account, now = _customer(request), clock.now()
    lines = carts.lines_of(carts.current(account=account, session=request.session))
    if not lines:
        return render(request, "orders/cart.html", {"rows": []})
    quoted = pricing.quote_for(account=account, lines=lines, now=now, service_address=_service_address(account))
    context = {
        "rows": rows_of(quoted, lines, now),
        "quote": quoted,
        "tax_is_known": account is not None and account.billing_address.is_complete,
    }
    return render(request, "orders/cart.html", context)


@require_POST
@login_not_required
def cart_add(request: HttpRequest) -> HttpResponse:
    """Order Now: puts a rate plan, or a number of an area, into the cart and shows the cart."""
    product = Product.objects.filter(code=request.POST.get("product", "")[:50].replace("\x00", "")).first()
    if product is None:
        raise Http404
    try:
        if product.kind == Product.Kind.DID and "area" in request.POST:
            if busy := _too_many_holds(request):
                return busy
            _add_number(request, product)
        elif product.kind == Product.Kind.E911:
            carts.add_911(account=_customer(request), session=request.session, now=clock.now())
            messages.info(request, f"{product.name} is in your cart.")
        else:
            carts.add_plan(account=_customer(request), session=request.session, product=product, today=clock.today())
            messages.info(request, f"{product.name} is in your cart.")
    except Refused as refusal:
        return render(request, "orders/cart_refused.html", _after_refusal(request, product, refusal), status=409)
    return redirect("cart")


@require_POST
@login_not_required
def cart_hold(request: HttpRequest, line: int) -> HttpResponse:
    """Holds a number whose 15 minutes are over for another 15, or one that has come into stock for a line without."""
    if busy := _too_many_holds(request):
        return busy
    try:
        held = carts.hold_again(account=_customer(request), session=request.session, line=line, now=clock.now())
    except CartLine.DoesNotExist:
        raise Http404 from None
    except Refused as refusal:
        lost = CartLine.objects.in_words().get(pk=line)
        context = {"refusal": refusal, "product": lost.product, "area": lost.rate_center}
        return render(request, "orders/cart_refused.html", context, status=409)
    if held.phone_number:
        messages.info(request, f"{held.phone_number} is held for you for 15 minutes.")
    else:
        messages.info(request, "No number is in stock there at the moment: somebody else was quicker.")
    return redirect("cart")


@require_POST
@login_not_required
def cart_remove(request: HttpRequest, line: int) -> HttpResponse:
    try:
        removed = carts.remove(account=_customer(request), session=request.session, line=line)
    except CartLine.DoesNotExist:
        raise Http404 from None
    except carts.BeingPaid as refusal:
        messages.warning(request, str(refusal))
        return redirect("cart")
    messages.info(request, "Removed from your cart." if removed else "It was no longer in your cart.")
    return redirect("cart")


def rows_of(quoted: Quote, lines: list[CartLine], now: datetime) -> list[Row]:
    """Each line of the quote with the line of the cart it came from and how its number stands."""
    in_cart = {line.token: line for line in lines}
    without = [line.rate_center for line in lines if line.rate_center and not line.phone_number_id]
    in_stock = coverage.for_sale(without) if without else {}
    rows = []
    for line in quoted.lines:
        wanted = in_cart.get(line.token) if line.token else None
        number = wanted.phone_number if wanted else None
        if wanted and wanted.is_own_number:
            rows.append(Row(line, wanted, yours_until=_kept_until(wanted)))
        elif wanted and number is None:
            rows.append(Row(line, wanted, has_come=bool(in_stock.get(wanted.rate_center_id or 0))))
        else:
            is_held = wanted and number and number.is_held_for(wanted.token, now)
            rows.append(Row(line, wanted, number.held_until if number and is_held else None))
    return rows


def _kept_until(line: CartLine) -> date | None:
    ended_on = line.reclaims.cancelled_on if line.reclaims else None
    return ended_on + LAST_DAY_KEPT if ended_on else None


def _too_many_holds(request: HttpRequest) -> HttpResponse | None:
    """The answer to a visitor who has held many numbers lately, so that nobody empties a place; else None."""
    if _customer(request):
        return None
    busy: HttpResponse | None = ratelimit.consume_or_429(request, action="hold_number")
    return busy


def _add_number(request: HttpRequest, product: Product) -> None:
    """The number of an area that the button asked for, by its digits or any."""
    area = get_object_or_404(RateCenter.objects.select_related("region"), pk=_whole(request.POST["area"]))
    digits = request.POST.get("number", "").replace("\x00", "")
    chosen = get_object_or_404(PhoneNumber, digits=digits[:15], rate_center=area) if digits else None
    line = carts.add_number(
        account=_customer(request),
        session=request.session,
        product=product,
        rate_center=area,
        chosen=chosen,
        token=_uuid(request.POST.get("token", "")),
        now=clock.now(),
    )
    if line.is_own_number:
        messages.info(request, f"{line.phone_number}, which you had before, is yours to reclaim. It is in your cart.")
    elif line.phone_number:
        messages.info(request, f"{line.phone_number} is in your cart and held for you for 15 minutes.")
    else:
        messages.info(request, f"A number in {area} is in your cart. None is in stock now: we get one for you.")


def _after_refusal(request: HttpRequest, product: Product, refusal: Refused) -> dict[str, object]:
    """What the page of a refusal says, and where it leads back to: the area that was asked for."""
    area = RateCenter.objects.filter(pk=_whole(request.POST.get("area", "")) or 0).first()
    return {"refusal": refusal, "product": product, "area": area}


def _whole(text: str) -> int | None:
    """A key as a form sends it; None for anything else, and for what no table could hold."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _customer(request: HttpRequest) -> Account | None:
    # Truth-tested because the middleware's account is lazy: a lazy None is not None.
    account: Account | None = request.account  # type: ignore[attr-defined]
    return account if account else None


def _service_address(account: Account | None) -> Address | None:
    """What is known of it before checkout asks: the country of the bill stands in."""
    return (account.service_address or account.billing_address) if account else None
