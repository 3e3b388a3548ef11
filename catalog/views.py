"""The public catalogue: what is sold, what it costs today, what is in it and what is not."""

from decimal import Decimal

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from callcentric import clock
from catalog.models import Product

# The plan at whose rates every other plan's further minutes are paid (domain.md §2).
PAY_PER_CALL = "pay-per-call"


@require_safe
@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    products = list(Product.objects.offered().priced(clock.today()))
    context = {
        "plan_from": _lowest_monthly(products, Product.Kind.PLAN),
        "did_from": _lowest_monthly(products, Product.Kind.DID),
        "channel": _first(products, Product.Kind.CHANNEL),
        "e911": _first(products, Product.Kind.E911),
        "pay_per_call": next((product for product in products if product.code == PAY_PER_CALL), None),
    }
    return render(request, "catalog/home.html", context)


@require_safe
@login_not_required
def outbound(request: HttpRequest) -> HttpResponse:
    # Withdrawn plans too: Pay Per Call's rates hold for the others even when it is no longer sold.
    plans = list(Product.objects.plans().priced(clock.today()).order_by("position"))
    context = {
        "plans": [plan for plan in plans if plan.is_offered],
        "overage": next((plan.per_minute for plan in plans if plan.code == PAY_PER_CALL), None),
        "e911": Product.objects.filter(kind=Product.Kind.E911).priced(clock.today()).first(),
    }
    return render(request, "catalog/outbound.html", context)


@require_safe
@login_not_required
def inbound(request: HttpRequest) -> HttpResponse:
    dids = Product.objects.dids().offered().priced(clock.today()).order_by("position")
    return render(request, "catalog/inbound.html", {"dids": dids})


@require_safe
@login_not_required
def additional(request: HttpRequest) -> HttpResponse:
    products = list(Product.objects.offered().priced(clock.today()).order_by("position"))
    dids = [product for product in products if product.kind == Product.Kind.DID]
    context = {
        "channel": _first(products, Product.Kind.CHANNEL),
        "e911": _first(products, Product.Kind.E911),
        "dids_with_channels": [did for did in dids if did.takes_extra_channels],
        "dids_without_channels": [did for did in dids if not did.takes_extra_channels],
        "plans_with_911": [product for product in products if product.includes_911],
    }
    return render(request, "catalog/additional.html", context)


def _first(products: list[Product], kind: str) -> Product | None:
    return next((product for product in products if product.kind == kind), None)


def _lowest_monthly(products: list[Product], kind: str) -> Decimal | None:
    """The lowest monthly fee of a kind that has one."""
    return min((product.monthly for product in products if product.kind == kind and product.monthly), default=None)
