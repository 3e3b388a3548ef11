import re
from typing import Any

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.views import SignupView
from allauth.core import ratelimit
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic.edit import FormView

from accounts.access import CustomerRequest, customers_only
from accounts.addresses import AddressForm
from accounts.audit_log import looks_at
from accounts.forms import EmailForm, ResetPasswordForm
from accounts.models import Account, Address
from accounts.moving import serve_at
from accounts.profile_forms import BillingPreferenceForm, ContactForm, SectionForm, TimeZoneForm
from accounts.recovery import remind_of_usernames
from accounts.signup import UsernameTaken
from callcentric import clock
from callcentric.errors import Refused

SAVED = {
    "contact": "Your contact details are saved.",
    "address": "Your billing address is saved.",
    "service_address": "Your 911 service address is saved. At a new address, 911 is not active until we confirm it.",
    "time_zone": "Your time zone is saved.",
    "billing_preference": "Your billing preference is saved.",
}


class Sessions(ListUserSessionsView):
    """Where the customer is logged in: one query however many places, where allauth asks for each of them."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        logins = UserSession.objects.filter(user=self.request.user.pk)
        going_on = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
        logins.exclude(session_key__in=going_on).delete()
        sessions = list(logins.order_by("created_at"))
        found = {"sessions": sessions, "session_count": len(sessions), "show_last_seen_at": False}
        return FormView.get_context_data(self, **found, **kwargs)


class SignUp(SignupView):
    """Sign-up, and what only the database can refuse."""

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "agent_link": self.request.agent_link}

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            response = super().form_valid(form)
            # The link has done its work: whoever signs up next in this browser comes by another.
            self.request.agent_link = None
            return response
        except Refused as refused:
            form.add_error("username" if isinstance(refused, UsernameTaken) else None, refused)
            response = self.form_invalid(form)
            response.status_code = 409
            return response


@customers_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: CustomerRequest) -> HttpResponse:
    """Everything a customer keeps up to date, in sections that are saved one by one."""
    # A copy of the row: a refused form must not change the name in the page's header.
    accounts = Account.objects.select_related("user", "billing_address", "service_address")
    account = accounts.get(pk=request.account.pk)
    sent = request.POST.get("form", "")
    sections = _sections(account, sent=sent, data=request.POST)
    if request.method == "GET" or (sent in ("address", "service_address") and "show_fields" in request.POST):
        return _profile_page(request, account, sections)
    if sent not in sections:
        raise Http404
    form = sections[sent]
    if not form.is_valid():
        return _profile_page(request, account, sections, status=422)
    with transaction.atomic():
        if isinstance(form, SectionForm):
            form.save()
        elif sent == "address":
            account.bill_to(form.save())
        else:
            serve_at(account, form.save(), now=clock.now())
    messages.success(request, SAVED[sent])
    return redirect(f"{reverse('profile')}#{sent}")


@require_POST
@customers_only
def email_resend(request: CustomerRequest) -> HttpResponse:
    """Send the link that confirms the e-mail address once more."""
    address = EmailAddress.objects.filter(user=request.user, primary=True, verified=False).first()
    if address is None:
        messages.info(request, "Your e-mail address is confirmed already.")
    elif not send_verification_email_to_address(request, address):
        messages.info(
            request,
            "We have just sent it. Look into your spam folder, or ask again in a minute.",
        )
    return redirect("dashboard")


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """A reminder of usernames, or a new password. The answer is the same for every e-mail address."""
    reminder = EmailForm(request.POST or None, auto_id="reminder_%s")
    if request.method == "POST" and reminder.is_valid():
        email = reminder.cleaned_data["email"]
        busy = ratelimit.consume_or_429(request, action="remind_username", key=email.lower())
        if busy:
            return busy
        remind_of_usernames(email=email)
        messages.success(
            request,
            f"If {email} is the address of an account, we have sent its username and 1777 number there.",
        )
        return redirect("forgot")
    status = 422 if reminder.is_bound else 200
    context = {"reminder": reminder, "reset": ResetPasswordForm(auto_id="reset_%s")}
    return render(request, "accounts/forgot.html", context, status=status)


@require_POST
@login_not_required
def address_fields(request: HttpRequest) -> HttpResponse:
    """The fields of an address for the country just chosen, with what was typed before: a fragment."""
    prefix = request.GET.get("prefix", "billing")
    # It becomes an element's id and part of a selector.
    if not re.fullmatch(r"[a-z]{1,20}", prefix):
        raise Http404
    form = AddressForm.typed(request.POST, prefix=prefix)
    return render(request, "accounts/_address_fields.html", {"form": form})


def _sections(account: Account, *, sent: str, data: Any) -> dict[str, AddressForm | SectionForm]:
    """The profile's forms by name; the one that was sent has its data."""

    def given(name: str) -> Any:
        return data if sent == name else None

    def address(name: str, known: Address, prefix: str) -> AddressForm:
        if sent == name and "show_fields" in data:
            return AddressForm.typed(data, initial_address=known, prefix=prefix)
        return AddressForm(given(name), initial_address=known, prefix=prefix)

    return {
        "contact": ContactForm(given("contact"), instance=account),
        "address": address("address", account.billing_address, "billing"),
        "service_address": address("service_address", account.service_address or account.billing_address, "service"),
        "time_zone": TimeZoneForm(given("time_zone"), instance=account),
        "billing_preference": BillingPreferenceForm(given("billing_preference"), instance=account),
    }


def _profile_page(
    request: CustomerRequest,
    account: Account,
    sections: dict[str, AddressForm | SectionForm],
    *,
    status: int = 200,
) -> HttpResponse:
    context = {
        "account": account,
        **{f"{name}_form": form for name, form in sections.items()},
        "email_is_confirmed": account.email_is_confirmed,
        "new_email": EmailAddress.objects.filter(user=account.user, primary=False, verified=False).first(),
        "two_factor": is_mfa_enabled(account.user),
        "looks": looks_at(account, now=clock.now()),
    }
    return render(request, "accounts/profile.html", context, status=status)
