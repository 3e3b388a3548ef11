"""Getting back what was lost: all by one click, one by one, and the page that says how each comes back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from accounts.access import CustomerRequest, customers_only
from billing import emergency
from billing.models import Service
from callcentric import clock
from callcentric.errors import Refused
from catalog.models import Product
from orders import lost as losses
from orders import lost_prices
from orders import reorder as verb
from orders.models import CartLine
from orders.reclaim import LOST_BY

LOST_PER_PAGE = 20


@require_safe
@customers_only
def lost_services(request: CustomerRequest) -> HttpResponse:
    """Everything that was lost: why and when, the last day of each way back, what it costs, and the button."""
    return _page(request)


@require_POST
@customers_only
def reorder(request: CustomerRequest) -> HttpResponse:
    """Click here to reorder these products."""
    try:
        done = verb.reorder(account=request.account, session=request.session, now=clock.now())
    except Refused as refusal:
        return _page(request, problem=str(refusal), status=409)
    messages.info(request, "What you lost is in your cart, without set-up fees. Look it over, then check out.")
    for each in done.refused:
        words = '{}: {} <a href="{}">Open a trouble ticket</a>'
        messages.warning(request, format_html(words, each.name, each.why_not, each.ticket))
    return redirect("cart")


@require_POST
@customers_only
def reclaim(request: CustomerRequest, pk: int) -> HttpResponse:
    """Puts one lost thing into the cart; ``channels`` says to add those that ended with the number."""
    lost = losses.one(request.account, pk, today=clock.today())
    if lost is None:
        if not Service.objects.filter(account=request.account, pk=pk, reason__in=LOST_BY).exists():
            raise Http404
        return _page(request, problem="You have it back already. See My Account.", status=409)
    try:
        put = verb.get_back(
            lost,
            account=request.account,
            session=request.session,
            with_channels="channels" in request.POST,
            now=clock.now(),
        )
    except Refused as refusal:
        return _page(request, problem=f"{lost.name}: {refusal}", status=409)
    for each in put:
        messages.info(request, f"{each.name} is in your cart.")
    return redirect("cart")


def _page(request: CustomerRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    account, today = request.account, clock.today()
    found = losses.everything(account, today=today)
    held = Service.objects.held().filter(account=account).select_related("product", "address")
    services = list(held.exclude(kind=Product.Kind.CHANNEL))
    plan = next((service.product for service in services if service.kind == Product.Kind.PLAN), None)
    page = Paginator(found, LOST_PER_PAGE).get_page(request.GET.get("page"))
    in_cart = CartLine.objects.filter(cart__account=account)
    context = {
        "offer": verb.offer(found),
        "page": page,
        "rows": lost_prices.priced(page, plan=plan, today=today),
        "in_cart": set(in_cart.values_list("reclaims", flat=True)) - {None},
        "lacks_911": emergency.decision_for(account, services) == emergency.Decision.ADD,
        "today": today,
        "problem": problem,
    }
    return render(request, "orders/lost.html", context, status=status)
