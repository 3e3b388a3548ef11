"""Pages that add a card, choose the default and remove one."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import CustomerRequest, customers_only, open_accounts_only
from accounts.models import Account
from billing import cards
from billing.models import Card
from billing.views.responses import SeeOther, next_page
from callcentric import clock
from callcentric.errors import Refused


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@open_accounts_only
def card_add(request: CustomerRequest) -> HttpResponse:
    """The card itself goes from this page to Stripe; what comes back here is only the name Stripe gave it."""
    if request.method != "POST":
        return _page(request)
    try:
        card = cards.finish_adding(
            account=request.account, setup_id=request.POST.get("setup_intent", ""), now=clock.now()
        )
    except Refused as refusal:
        return _page(request, problem=str(refusal), status=422)
    messages.success(request, f"{card} has been added to your cards.")
    return SeeOther(next_page(request) or "billing")


@require_POST
@customers_only
def card_default(request: CustomerRequest, card: int) -> HttpResponse:
    chosen = _of_customer(request, card)
    try:
        cards.make_default(chosen, now=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{chosen} is your default card now.")
    return SeeOther("billing")


@require_POST
@customers_only
def card_remove(request: CustomerRequest, card: int) -> HttpResponse:
    removed = _of_customer(request, card)
    default = cards.remove(removed, now=clock.now())
    messages.success(request, f"{removed} has been removed. {_what_it_means(request.account, default)}")
    return SeeOther("billing")


def _page(request: CustomerRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    try:
        client_secret = cards.begin_adding(request.account).client_secret
    except Refused as refusal:
        client_secret, problem, status = "", problem or str(refusal), 503
    context = {
        "problem": problem,
        "client_secret": client_secret,
        "publishable_key": settings.STRIPE_PUBLISHABLE_KEY,
        "stripe_js": settings.STRIPE_JS_URL,
        "next": next_page(request),
        "is_first": not request.account.cards.usable().exists(),
    }
    return render(request, "billing/card_add.html", context, status=status)


def _of_customer(request: CustomerRequest, card: int) -> Card:
    return get_object_or_404(request.account.cards.usable().select_related("account"), pk=card)


def _what_it_means(account: Account, default: Card | None) -> str:
    if default:
        return f"Your default card is {default}."
    if account.pays_from == Account.PaysFrom.CARD:
        return "You have no card left, so renewals come from your balance alone, though you prefer a card."
    return "You have no card left, so renewals come from your balance alone."
