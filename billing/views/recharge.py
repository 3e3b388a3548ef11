"""What happens when the balance runs low: an e-mail, and a card that adds money."""

from decimal import Decimal

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from accounts.access import CustomerRequest, open_accounts_only
from billing import ledger, low_balance
from billing import recharge as verb
from billing.forms import LowBalanceForm, RechargeForm
from billing.models import BalanceWatch
from billing.models.balances import RECHARGES_A_DAY
from billing.views.responses import SeeOther
from callcentric import clock
from callcentric.errors import Refused

# What a customer who had to add a card comes back to.
KEPT = ("recharge_below", "recharge_amount")


@require_http_methods(["GET", "HEAD", "POST"])
@open_accounts_only
def recharge(request: CustomerRequest) -> HttpResponse:
    """Two forms, each saved by itself."""
    watch = verb.watch_of(request.account)
    known = {name: _plain(getattr(watch, name)) for name in ("low_below", *KEPT)}
    low = LowBalanceForm(_sent(request, "low"), initial=known)
    typed = {name: request.GET[name] for name in KEPT if name in request.GET}
    auto = RechargeForm(_sent(request, "recharge"), initial={**known, "recharges": watch.recharges, **typed})
    if request.method != "POST":
        return _page(request, watch, low, auto)
    if not (low.is_bound or auto.is_bound):
        raise Http404
    said = _save_low(request, low) if low.is_bound else _save_recharge(request, auto)
    if not said:
        return _page(request, watch, low, auto, status=422)
    messages.success(request, said)
    return SeeOther("recharge")


def _save_low(request: CustomerRequest, form: LowBalanceForm) -> str:
    """What was done, in words; nothing where the form says what is wrong."""
    if not form.is_valid():
        return ""
    below = form.cleaned_data["low_below"]
    low_balance.set_limit(request.account, below=below)
    return f"We e-mail you when your balance falls below ${below:.2f}." if below else "We do not e-mail you."


def _save_recharge(request: CustomerRequest, form: RechargeForm) -> str:
    if not form.is_valid():
        return ""
    is_on, below, amount = (form.cleaned_data[name] for name in form.fields)
    try:
        verb.change(request.account, recharges=is_on, below=below, amount=amount, now=clock.now())
    except Refused as refusal:
        form.add_error("recharges", refusal)
        return ""
    if not is_on:
        return "Auto-recharge is off."
    return f"Auto-recharge is on: when your balance falls below ${below:.2f}, your default card adds ${amount:.2f}."


def _page(
    request: CustomerRequest, watch: BalanceWatch, low: LowBalanceForm, auto: RechargeForm, *, status: int = 200
) -> HttpResponse:
    here = f"{reverse('recharge')}?{urlencode({name: auto[name].value() or '' for name in KEPT})}"
    context = {
        "watch": watch,
        "low": low,
        "auto": auto,
        "card": request.account.cards.chargeable(clock.today()).filter(is_default=True).first(),
        "has_cards": request.account.cards.usable().exists(),
        "add_card": f"{reverse('card_add')}?{urlencode({'next': here})}",
        "balance": ledger.of(request.account).balance,
        "a_day": RECHARGES_A_DAY,
    }
    return render(request, "billing/recharge.html", context, status=status)


def _sent(request: CustomerRequest, name: str) -> QueryDict | None:
    return request.POST if request.method == "POST" and request.POST.get("form") == name else None


def _plain(amount: Decimal) -> str:
    """As people write it: whole dollars without cents."""
    return f"{amount:.0f}" if amount == int(amount) else f"{amount:.2f}"
