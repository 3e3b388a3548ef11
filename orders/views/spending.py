"""What was spent in the last 12 months: a chart and its table."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import CustomerRequest, customers_only
from callcentric import clock
from orders import spending_chart
from orders.spending import KINDS
from orders.spending import spending as spent_by


@require_safe
@customers_only
def spending(request: CustomerRequest) -> HttpResponse:
    spent = spent_by(request.account, today=clock.today())
    context = {
        "spending": spent,
        "kinds": KINDS.values(),
        "chart": spending_chart.drawn(spent) if spent.total else None,
    }
    return render(request, "orders/spending.html", context)
