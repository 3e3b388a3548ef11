"""A service by itself: what happens to it next, and cancelling it or taking that back."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import CustomerRequest, customers_only
from billing import ending, renewals
from billing.models import Service
from callcentric import clock
from callcentric.errors import Refused


@require_safe
@customers_only
def service(request: CustomerRequest, pk: int) -> HttpResponse:
    return _page(request, _mine(request, pk))


@require_POST
@customers_only
def service_cancel(request: CustomerRequest, pk: int) -> HttpResponse:
    found = _mine(request, pk)
    try:
        cancelled = ending.cancel(found, today=clock.today(), now=clock.now())
    except Refused as refusal:
        return _page(request, found, refusal)
    messages.info(request, f"{cancelled.title} ends on {cancelled.paid_until:%-d %B %Y}. Until then you can keep it.")
    return redirect("service", _whole(found).pk)


@require_POST
@customers_only
def service_keep(request: CustomerRequest, pk: int) -> HttpResponse:
    found = _mine(request, pk)
    try:
        kept = ending.keep(found, today=clock.today())
    except Refused as refusal:
        return _page(request, found, refusal)
    messages.success(request, f"{kept.title} goes on. Nothing is cancelled.")
    return redirect("service", _whole(found).pk)


def _mine(request: CustomerRequest, pk: int) -> Service:
    return get_object_or_404(Service.objects.in_words().filter(account=request.account), pk=pk)


def _whole(found: Service) -> Service:
    """The service whose page it is on: a channel's is its number's."""
    return found.number_service or found


def _page(request: CustomerRequest, found: Service, refusal: Refused | None = None) -> HttpResponse:
    today = clock.today()
    account_holds = list(Service.objects.held().in_words().filter(account=request.account).order_by("pk"))
    about = [each for each in renewals.upcoming(account_holds, today=today) if each.service.pk == found.pk]
    context = {
        "service": found,
        "about": about[0] if about else None,
        "channels": [each for each in account_holds if each.number_service_id == found.pk],
        "why_not": ending.why_not_cancel(found, today=today),
        "refusal": refusal,
        "today": today,
    }
    return render(request, "billing/service.html", context, status=409 if refusal else 200)
