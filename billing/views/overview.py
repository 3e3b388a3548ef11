"""Pages on the balance and what moved it."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import CustomerRequest, customers_only
from billing import forecast, history, ledger, recharge
from billing.forms import HistoryForm
from callcentric import clock

RECENT = 5
LINES_A_PAGE = 25


@require_safe
@customers_only
def billing(request: CustomerRequest) -> HttpResponse:
    customer = ledger.of(request.account)
    recent = history.transfers(customer)[:RECENT]
    today = clock.today()
    cards = list(request.account.cards.usable().order_by("-is_default", "pk"))
    context = {
        "account": request.account,
        "balance": customer.balance,
        "cards": [(card, card.has_expired(today)) for card in cards],
        "waiting": request.account.payments.undecided().select_related("card").order_by("-pk"),
        "lines": history.lines(recent, customer),
        "forecast": forecast.of(request.account, today=today),
        "watch": recharge.watch_of(request.account),
    }
    return render(request, "billing/billing.html", context)


@require_safe
@customers_only
def transactions(request: CustomerRequest) -> HttpResponse:
    customer = ledger.of(request.account)
    form = HistoryForm(request.GET, months=history.months_of(customer))
    page = Paginator(history.transfers(customer, **form.chosen), LINES_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "lines": history.lines(page.object_list, customer),
        "balance": customer.balance,
        "is_filtered": any(form.chosen.values()),
    }
    return render(request, "billing/transactions.html", context)


@require_safe
@customers_only
def transactions_csv(request: CustomerRequest) -> HttpResponse:
    customer = ledger.of(request.account)
    form = HistoryForm(request.GET, months=history.months_of(customer))
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    name = f"transactions-{request.account.number}-{clock.today():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    history.write_csv(history.transfers(customer, **form.chosen), customer, response)
    return response
