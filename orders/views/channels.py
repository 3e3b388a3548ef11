"""Additional Incoming Channels: pick one of the account's numbers and how many, and on to the cart."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from accounts.access import CustomerRequest, open_accounts_only
from accounts.models import Account
from billing.models import CHANNELS_PER_NUMBER, Service
from callcentric import clock
from callcentric.errors import Refused
from catalog.models import Product
from orders import cart as carts
from orders import pricing
from orders.models import CHANNELS_PER_ORDER


@dataclass(frozen=True)
class Candidate:
    """One of the account's numbers, with the extra channels it has and why it takes no more, if it does not."""

    service: Service
    used: int
    problem: str

    @property
    def label(self) -> SafeString:
        """The number, where it is, and how many calls it takes now and at most."""
        included = self.service.product.channels or 0
        return format_html(
            '<span><strong class="nowrap">{}</strong><br><span class="hint">{}, {}. {} calls at a time now: '
            "{} included, {} extra. Up to {} more.</span></span>",
            self.service.phone_number,
            self.service.rate_center,
            self.service.product.name,
            included + self.used,
            included,
            self.used,
            CHANNELS_PER_NUMBER - self.used,
        )


class ChannelsForm(forms.Form):
    number = forms.ChoiceField(
        label="Phone number",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a number.", "invalid_choice": "Choose a number of the list."},
    )
    quantity = forms.IntegerField(
        label="How many channels",
        min_value=1,
        max_value=CHANNELS_PER_ORDER,
        initial=1,
        help_text=f"1 to {CHANNELS_PER_ORDER} in one order, {CHANNELS_PER_NUMBER} on a number at most.",
        error_messages={
            "required": "Say how many channels you want.",
            "invalid": f"Type a whole number from 1 to {CHANNELS_PER_ORDER}.",
            "min_value": f"Choose 1 to {CHANNELS_PER_ORDER} channels.",
            "max_value": f"Choose 1 to {CHANNELS_PER_ORDER} channels. For more, order again afterwards.",
        },
    )

    def __init__(self, *args: Any, candidates: list[Candidate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.candidates = {str(candidate.service.pk): candidate for candidate in candidates}
        takers = [(key, candidate.label) for key, candidate in self.candidates.items() if not candidate.problem]
        self.fields["number"].choices = takers  # type: ignore[attr-defined]
        if len(takers) == 1:
            self.initial.setdefault("number", takers[0][0])

    def clean_number(self) -> Service:
        return self.candidates[self.cleaned_data["number"]].service

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        refused = self.candidates.get(self.data.get("number", ""))
        if refused and refused.problem:
            # A number that the page does not offer, forced by hand: it says why and not "choose another".
            self.errors.pop("number", None)
            self.add_error("number", refused.problem)
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
@open_accounts_only
def order_channels(request: CustomerRequest) -> HttpResponse:
    """The numbers that take extra channels, and how many; Continue puts them into the cart."""
    candidates = _candidates(request.account)
    known = {str(candidate.service.pk) for candidate in candidates}
    if request.method != "POST":
        asked = request.GET.get("number", "")
        initial = {"number": asked} if asked in known else {}
        return _page(request, ChannelsForm(candidates=candidates, initial=initial))
    if request.POST.get("number", "").isdecimal() and request.POST["number"] not in known:
        raise Http404
    form = ChannelsForm(request.POST, candidates=candidates)
    if not form.is_valid():
        return _page(request, form, status=422)
    number, quantity = form.cleaned_data["number"], form.cleaned_data["quantity"]
    try:
        carts.add_channels(
            account=request.account,
            session=request.session,
            number_service=number,
            quantity=quantity,
            today=clock.today(),
        )
    except Refused as refusal:
        form.add_error("quantity", refusal)
        return _page(request, form, status=422)
    channels, are = ("1 channel", "is") if quantity == 1 else (f"{quantity} channels", "are")
    messages.info(request, f"{channels} for {number.phone_number} {are} in your cart.")
    return redirect("cart")


def _candidates(account: Account) -> list[Candidate]:
    """The account's numbers, each with what it has; those still to come last."""
    held = Q(channels__isnull=False) & ~Q(channels__state=Service.State.CANCELLED)
    numbers = Service.objects.held().numbers().filter(account=account).annotate(used=Count("channels", filter=held))
    return [
        Candidate(number, number.used, pricing.channels_problem(number, 1, used=number.used))
        for number in numbers.order_by("phone_number__digits", "pk")
    ]


def _page(request: CustomerRequest, form: ChannelsForm, *, status: int = 200) -> HttpResponse:
    product = Product.objects.offered().priced(clock.today()).filter(kind=Product.Kind.CHANNEL).first()
    candidates = list(form.candidates.values())
    context = {
        "form": form,
        "product": product,
        "takers": [candidate for candidate in candidates if not candidate.problem],
        "others": [candidate for candidate in candidates if candidate.problem],
    }
    return render(request, "orders/order_channels.html", context, status=status)
