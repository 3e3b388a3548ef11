"""Closing the account: first what ends, what comes back and what does not; then the deed, once."""

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.access import CustomerRequest, all_customers
from callcentric import clock
from callcentric.errors import Refused
from orders import closing


class ConfirmForm(forms.Form):
    seen = forms.CharField(widget=forms.HiddenInput, max_length=32, required=False)
    confirmed = forms.BooleanField(
        label="Close my account: I have read what ends and what is not paid back",
        error_messages={"required": "Tick this box to close the account. Nothing was changed."},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@all_customers
@reauthentication_required
def close_account(request: CustomerRequest) -> HttpResponse:
    """The password is asked for once more before anything is shown."""
    if request.account.closed_on:
        return redirect("dashboard")
    if request.method != "POST":
        return _page(request)
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        closing.close(request.account, seen=form.cleaned_data["seen"], now=clock.now())
    except Refused as refusal:
        return _page(request, refusal=refusal, status=409)
    messages.success(request, "Your account is closed. An e-mail lists what ended and what goes back to your cards.")
    return redirect("dashboard")


def _page(
    request: CustomerRequest, form: ConfirmForm | None = None, *, refusal: Refused | None = None, status: int = 200
) -> HttpResponse:
    try:
        shown = closing.preview(request.account, now=clock.now())
    except Refused as reason:
        return render(request, "orders/close_account.html", {"refusal": reason}, status=409)
    # Always what this page shows, not what an earlier one has shown.
    form = form or ConfirmForm()
    form.initial["seen"] = shown.digest
    context = {"closing": shown, "form": form, "refusal": refusal}
    return render(request, "orders/close_account.html", context, status=status)
