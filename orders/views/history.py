"""What was ordered: the list of orders, and one order."""

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import CustomerRequest, customers_only
from callcentric import clock
from orders import checkout
from orders.models import Order, OrderLine

ORDERS_PER_PAGE = 20
LOOK_AGAIN_SECONDS = 5


@require_safe
@customers_only
def orders(request: CustomerRequest) -> HttpResponse:
    checkout.finish_all(now=clock.now(), account=request.account)
    placed = Order.objects.placed().filter(account=request.account).order_by("-placed_at")
    placed = placed.prefetch_related(Prefetch("lines", OrderLine.objects.in_words().order_by("position")))
    return render(request, "orders/orders.html", {"page": Paginator(placed, ORDERS_PER_PAGE).get_page(_page(request))})


@require_safe
@customers_only
def order_detail(request: CustomerRequest, reference: str) -> HttpResponse:
    mine = Order.objects.filter(account=request.account).select_related(
        "account", "payment__card", "billing_address", "service_address"
    )
    order = get_object_or_404(mine, reference=reference)
    if order.state == Order.State.PAYING and order.payment and order.payment.is_decided:
        # The bank has answered since: whoever looks first finishes the order, exactly as the beat's sweep would.
        order = checkout.finish(order, now=clock.now())
    lines = order.lines.in_words().prefetch_related("services").order_by("position")
    response = render(request, "orders/order_detail.html", {"order": order, "lines": lines})
    if order.state == Order.State.PAYING:
        # The page looks again by itself, without JavaScript too.
        response["Refresh"] = str(LOOK_AGAIN_SECONDS)
    return response


def _page(request: CustomerRequest) -> str:
    return request.GET.get("page", "1")
