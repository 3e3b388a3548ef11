"""Get a number: product, place, Lookup, and if the customer likes the very number."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.access import CustomerRequest, open_accounts_only
from accounts.models import Account
from callcentric import clock
from catalog.models import Product
from orders import lost
from phone_numbers import coverage
from phone_numbers.forms import LocationForm
from phone_numbers.models import RateCenter

NUMBERS_A_PAGE = 60


class DigitsForm(forms.Form):
    """Digits that the number should have, anywhere in it."""

    digits = forms.RegexField(
        label="Digits you would like",
        regex=r"^[0-9\s()+.-]*$",
        max_length=20,
        required=False,
        help_text="Such as 42 or 0100. Leave it empty to see all.",
        error_messages={"invalid": "Type digits only, such as 42: letters are on the keypad, not in the number."},
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )

    def clean_digits(self) -> str:
        digits = "".join(sign for sign in self.cleaned_data["digits"] if sign.isdigit())
        # A whole number with the country's code before it.
        return digits.removeprefix("1") if len(digits) == 11 else digits


@require_safe
@open_accounts_only
def order_inbound(request: CustomerRequest) -> HttpResponse:
    """The DID products, each with Get a number."""
    dids = Product.objects.dids().offered().priced(clock.today()).order_by("position")
    return render(request, "orders/order_inbound.html", {"dids": dids})


@require_safe
@open_accounts_only
def order_lookup(request: CustomerRequest) -> HttpResponse:
    """Country, state, area, Lookup: what is sold there, in stock or how long it takes, and Order Now.

    First the numbers that the customer has lost there under this product, and whether they come back.
    """
    product, form = _product(request, lost_by=request.account), LocationForm(request.GET)
    context: dict[str, Any] = {"form": form, "product": product, "today": clock.today()}
    if not form.is_valid():
        return render(request, "orders/order_lookup.html", context, status=422)
    if form.place and "show" not in request.GET:
        answer = coverage.answer_at(form.place, today=clock.today())
        context |= {"answer": answer, "is_sold": product in answer.products}
        own = lost.at(request.account, product, form.place, today=clock.today())
        context |= {"own": own, "given": next((each for each in own if each.decision.comes_back), None)}
    return render(request, "orders/order_lookup.html", context)


@require_safe
@login_not_required
def order_numbers(request: HttpRequest, area: int) -> HttpResponse:
    """The numbers of an area that are in stock, to choose one by its digits."""
    place = get_object_or_404(RateCenter.objects.select_related("region"), pk=area)
    product = _product(request)
    form = DigitsForm(request.GET or None)
    is_asked = "digits" in request.GET
    context = {"area": place, "product": product, "form": form if is_asked else DigitsForm(), "most": NUMBERS_A_PAGE}
    if is_asked and not form.is_valid():
        return render(request, "orders/order_numbers.html", context, status=422)
    digits = form.cleaned_data["digits"] if is_asked else ""
    # One more than is shown says that there are more; nobody counts them.
    numbers = coverage.numbers_at(place, digits=digits, most=NUMBERS_A_PAGE + 1)
    context |= {"numbers": numbers[:NUMBERS_A_PAGE], "has_more": len(numbers) > NUMBERS_A_PAGE, "digits": digits}
    return render(request, "orders/order_numbers.html", context)


def _product(request: HttpRequest, *, lost_by: Account | None = None) -> Product:
    """The DID product that ``product`` in the address names; 404 for one that is not on offer.

    Whoever has lost a number under it lately is told on the page itself that it no longer is.
    """
    code = request.GET.get("product", "")[:50].replace("\x00", "")
    found = Product.objects.dids().offered().priced(clock.today()).filter(code=code).first()
    if found is None and lost_by:
        found = Product.objects.filter(code=code, services__in=lost.numbers_lately(lost_by, clock.today())).first()
    if found is None:
        raise Http404
    return found
