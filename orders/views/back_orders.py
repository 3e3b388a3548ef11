"""Withdrawing an order that waits for a number: first the question with what comes back, then the deed."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import CustomerRequest, customers_only
from callcentric import clock
from callcentric.errors import Refused
from orders import back_orders
from phone_numbers.models import BackOrder


@require_http_methods(["GET", "HEAD", "POST"])
@customers_only
def back_order_withdraw(request: CustomerRequest, pk: int) -> HttpResponse:
    mine = BackOrder.objects.filter(account=request.account)
    about = ("account__user", "product", "rate_center__region", "phone_number")
    back_order = get_object_or_404(mine.select_related(*about), pk=pk)
    try:
        if request.method == "POST":
            refund = back_orders.withdraw(back_order, now=clock.now())
            place, amount = back_order.rate_center, f"${refund.total:.2f}"
            messages.success(request, f"Your order for a number in {place} is withdrawn. {amount} is in your balance.")
            return redirect("dashboard")
        coming_back = back_orders.what_comes_back(back_order)
    except Refused as refusal:
        return render(request, "orders/back_order_closed.html", {"refusal": refusal}, status=409)
    context = {"back_order": back_order, "coming_back": coming_back}
    return render(request, "orders/back_order_withdraw.html", context)
