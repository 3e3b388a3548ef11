"""The customer's first page: who they are, what they have, and what happens next."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import CustomerRequest, customers_only
from billing import emergency, forecast, ledger, renewals
from billing.models import Service
from callcentric import clock
from catalog.models import Product
from orders import checkout, lost, reorder
from orders.models import Order

# Plans first, then numbers with their channels, then 911.
ORDER_OF_KINDS = list(Product.Kind.values)


@require_safe
@customers_only
def dashboard(request: CustomerRequest) -> HttpResponse:
    account = request.account
    checkout.finish_all(now=clock.now(), account=account)
    services = list(Service.objects.held().in_words().filter(account=account))
    services.sort(key=lambda service: (ORDER_OF_KINDS.index(service.kind), service.pk))
    lately = lost.lately(account, today=clock.today())
    context = {
        "account": account,
        "balance": ledger.of(account).balance,
        "card": account.cards.usable().filter(is_default=True).first(),
        "failed_911": next((service for service in services if service.state == Service.State.FAILED), None),
        "lacks_911": emergency.decision_for(account, services) == emergency.Decision.ADD,
        "forecast": forecast.of(account, today=clock.today()),
        "products": renewals.upcoming(services, today=clock.today()),
        "lost": lately,
        "offer": reorder.offer(lately),
        "paying": Order.objects.filter(account=account, state=Order.State.PAYING).first(),
        "email_is_confirmed": account.email_is_confirmed,
        "today": clock.today(),
    }
    return render(request, "orders/dashboard.html", context)
