"""Pages for choosing: what can be ordered, and the cart."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import CustomerRequest, customers_only
from accounts.models import Account, Address
from callcentric import clock
from catalog.models import Product
from orders import cart as carts
from orders.models import CartLine


@require_safe
@customers_only
def order(request: CustomerRequest) -> HttpResponse:
    """Order products and services: what kinds there are, and where each is ordered."""
    today = clock.today()
    products = list(Product.objects.offered().priced(today).order_by("position"))
    context = {
        "plans": [product for product in products if product.kind == Product.Kind.PLAN and not product.is_default],
        "dids": [product for product in products if product.kind == Product.Kind.DID],
        "channel": next((product for product in products if product.kind == Product.Kind.CHANNEL), None),
        "holding": carts.holding_of(request.account),
    }
    return render(request, "orders/order.html", context)


@require_safe
@customers_only
def order_outbound(request: CustomerRequest) -> HttpResponse:
    plans = Product.objects.plans().offered().priced(clock.today()).order_by("position")
    context = {"plans": plans, "holding": carts.holding_of(request.account)}
    return render(request, "orders/order_outbound.html", context)


@require_safe
@login_not_required
def cart(request: HttpRequest) -> HttpResponse:
    account = _customer(request)
    lines = carts.lines_of(carts.current(account=account, session=request.session))
    if not lines:
        return render(request, "orders/cart.html", {"lines": []})
    quoted = carts.quote_for(
        account=account, lines=lines, today=clock.today(), service_address=_service_address(account)
    )
    in_cart = {line.product_id: line.pk for line in lines}
    context = {
        "lines": [(line, in_cart.get(line.product.pk)) for line in quoted.lines],
        "quote": quoted,
        "tax_is_known": account is not None and account.billing_address.is_complete,
    }
    return render(request, "orders/cart.html", context)


@require_POST
@login_not_required
def cart_add(request: HttpRequest) -> HttpResponse:
    """Order Now: puts a product into the cart and shows the cart."""
    product = Product.objects.filter(code=request.POST.get("product", "")[:50].replace("\x00", "")).first()
    if product is None:
        raise Http404
    try:
        carts.add(account=_customer(request), session=request.session, product=product, today=clock.today())
    except carts.NotForTheCart as refusal:
        return render(request, "orders/cart_refused.html", {"refusal": refusal}, status=409)
    messages.info(request, f"{product.name} is in your cart.")
    return redirect("cart")


@require_POST
@login_not_required
def cart_remove(request: HttpRequest, line: int) -> HttpResponse:
    try:
        removed = carts.remove(account=_customer(request), session=request.session, line=line)
    except CartLine.DoesNotExist:
        raise Http404 from None
    messages.info(request, "Removed from your cart." if removed else "It was no longer in your cart.")
    return redirect("cart")


def _customer(request: HttpRequest) -> Account | None:
    # Truth-tested because the middleware's account is lazy: a lazy None is not None.
    account: Account | None = request.account  # type: ignore[attr-defined]
    return account if account else None


def _service_address(account: Account | None) -> Address | None:
    """What is known of it before checkout asks: the country of the bill stands in."""
    return (account.service_address or account.billing_address) if account else None
