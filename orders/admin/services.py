"""Services as staff see them: read-only, but for cancelling them, and for what they decide of 911."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from billing import emergency
from billing.models import Service
from callcentric import clock
from orders.admin.cancelling import CancelAtOnce
from orders.admin.read_only import ReadOnly


class FailureForm(forms.Form):
    problem = forms.CharField(
        label="What the customer is told",
        max_length=300,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="The customer reads these words in an e-mail and on every page: what is wrong, and what to change.",
        error_messages={"required": "Say in the customer's words why the address was not accepted."},
    )


# What the page in between says, and the states in which a service waits for it.
CONFIRM: dict[str, Any] = {
    "action": "confirm_911",
    "title": "Confirm 911",
    "lead": "911 will be active at these addresses, and each customer is told by e-mail:",
    "button": "Confirm 911: tell the customer",
    "states": [Service.State.PENDING, Service.State.FAILED],
}
FAIL: dict[str, Any] = {
    "action": "fail_911",
    "title": "911 failed: address not accepted",
    "lead": "911 will not be active at these addresses. Each customer is told by e-mail, and a ticket is opened:",
    "button": "911 failed: tell the customer",
    "states": [Service.State.PENDING],
}


@admin.register(Service)
class ServiceAdmin(CancelAtOnce, ReadOnly, ModelAdmin):
    list_display = ["product", "account", "state", "address", "started_on", "paid_until", "cancelled_on", "reason"]
    list_filter = ["state", "kind", "reason"]
    list_select_related = ["account", "product", "address"]
    search_fields = ["account__number", "account__name"]
    actions = ["confirm_911", "fail_911", "cancel_at_once"]

    @admin.action(description="Confirm 911: make it active and tell the customer", permissions=["confirm"])
    def confirm_911(self, request: HttpRequest, services: QuerySet[Service]) -> HttpResponse | None:
        """Shows the addresses first; confirms those alone that are still at the address that was shown."""
        chosen = _chosen(services)
        if "shown" not in request.POST:
            return self._ask(request, chosen, CONFIRM)
        confirmed = sum(emergency.confirm(service, now=clock.now()) for service in _seen(request, chosen))
        self._say(request, confirmed, len(chosen), f"911 confirmed for {confirmed} of {len(chosen)} chosen services.")
        return None

    @admin.action(description="911 failed: address not accepted", permissions=["confirm"])
    def fail_911(self, request: HttpRequest, services: QuerySet[Service]) -> HttpResponse | None:
        """Asks why first; fails those alone that are still at the address that was shown with the question."""
        chosen = _chosen(services)
        form = FailureForm(request.POST if "shown" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, chosen, FAIL, form)
        facts = {"problem": form.cleaned_data["problem"], "now": clock.now()}
        failed = sum(emergency.fail(service, **facts) for service in _seen(request, chosen))
        self._say(request, failed, len(chosen), f"911 failed for {failed} of {len(chosen)} chosen services.")
        return None

    def _ask(
        self, request: HttpRequest, chosen: list[Service], about: dict[str, Any], form: FailureForm | None = None
    ) -> HttpResponse:
        """The page between choosing and doing: it shows the addresses, and posts which ones it has shown."""
        context = {
            **self.admin_site.each_context(request),
            **about,
            "opts": self.model._meta,
            "form": form,
            "services": chosen,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        status = 422 if form and form.is_bound else 200
        return render(request, "admin/orders/decide_911.html", context, status=status)

    def _say(self, request: HttpRequest, done: int, chosen: int, words: str) -> None:
        """What was done; and that the rest was not 911 that waits, or has moved to another address meanwhile."""
        if done == chosen:
            messages.success(request, f"{words} Each customer is told.")
        else:
            messages.warning(request, f"{words} The others do not wait for it, or have just moved: look again.")

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.confirm_911")


def _chosen(services: QuerySet[Service]) -> list[Service]:
    return list(services.select_related("account__user", "address").order_by("pk"))


def _seen(request: HttpRequest, chosen: list[Service]) -> list[Service]:
    """Those that are still at the address that the page in between has shown."""
    shown = set(request.POST.getlist("shown"))
    return [service for service in chosen if f"{service.pk}:{service.address_id}" in shown]
