"""Pages that add funds, and that say what became of a charge."""

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import CustomerRequest, customers_only, open_accounts_only
from billing import deposits, ledger, payments
from billing.forms import DepositForm
from billing.models import Payment
from billing.views.responses import SeeOther, next_page
from callcentric import clock
from callcentric.errors import Refused


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@open_accounts_only
def deposit(request: CustomerRequest) -> HttpResponse:
    account = request.account
    if request.method != "POST":
        initial = {"amount": request.GET.get("amount"), "token": uuid4()}
        return _deposit_page(request, DepositForm(account=account, initial=initial))
    form = DepositForm(request.POST, account=account)
    if not form.is_valid():
        return _deposit_page(request, form, status=422)
    sent_before = account.payments.filter(token=form.cleaned_data["token"]).exists()
    try:
        made = deposits.make(account=account, now=clock.now(), **form.cleaned_data)
    except Refused as refusal:
        form.add_error(None, refusal)
        if isinstance(refusal, deposits.DepositRepeated):
            form.ask_whether_once_more()
        return _deposit_page(request, form, status=409 if isinstance(refusal, deposits.DepositRepeated) else 422)
    if sent_before:
        messages.info(request, "This form was sent before. It was charged once at most, as you see here.")
    return SeeOther(_address(made, request))


@require_safe
@never_cache
@customers_only
def payment(request: CustomerRequest, token: UUID) -> HttpResponse:
    found = _of_customer(request, token)
    return render(request, "billing/payment.html", _context(request, found))


@require_POST
@customers_only
def payment_check(request: CustomerRequest, token: UUID) -> HttpResponse:
    """Ask Stripe again: from the button, from the page as it waits, and after the bank's question."""
    found = payments.refresh(_of_customer(request, token), now=clock.now())
    going_on = _next_after(request, found) if found.is_decided else ""
    if not request.htmx:  # type: ignore[attr-defined]
        return SeeOther(going_on or _address(found, request))
    if found.state == Payment.State.SENT:
        return render(request, "billing/_payment_state.html", _context(request, found))
    return HttpResponse(headers={"HX-Redirect": going_on or _address(found, request)})


@require_POST
@customers_only
def payment_cancel(request: CustomerRequest, token: UUID) -> HttpResponse:
    found = payments.call_off(_of_customer(request, token), now=clock.now())
    if not found.is_decided:
        messages.warning(request, "The bank did not answer, so the payment is not cancelled yet. Try again.")
    return SeeOther(_address(found, request))


def _deposit_page(request: CustomerRequest, form: DepositForm, *, status: int = 200) -> HttpResponse:
    account = request.account
    going_on = next_page(request)
    # Whoever has to add a card first comes back to the amount they typed.
    back = {"amount": form["amount"].value() or "", "next": going_on}
    to_here = f"{reverse('deposit')}?{urlencode({name: value for name, value in back.items() if value})}"
    context = {
        "form": form,
        "next": going_on,
        "has_cards": account.cards.chargeable(clock.today()).exists(),
        "add_card": f"{reverse('card_add')}?{urlencode({'next': to_here})}",
        "balance": ledger.of(account).balance,
        "left_today": deposits.left_today(account, now=clock.now()),
    }
    return render(request, "billing/deposit.html", context, status=status)


def _of_customer(request: CustomerRequest, token: UUID) -> Payment:
    return get_object_or_404(request.account.payments.select_related("card", "account"), token=token)


def _context(request: CustomerRequest, found: Payment) -> dict[str, object]:
    return {
        "payment": found,
        "asked": payments.what_bank_asks(found),
        "next": _next_after(request, found),
        "balance": ledger.of(request.account).balance,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "stripe_js": settings.STRIPE_JS_URL,
    }


def _next_after(request: CustomerRequest, found: Payment) -> str:
    """Where the customer goes on: an order's payment leads to the orders where nothing else was said."""
    return next_page(request) or (reverse("orders") if found.purpose == Payment.Purpose.ORDER else "")


def _address(found: Payment, request: CustomerRequest) -> str:
    going_on = next_page(request)
    query = f"?{urlencode({'next': going_on})}" if going_on else ""
    return reverse("payment", args=[found.token]) + query
