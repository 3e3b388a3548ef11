"""Staff cancel services at once: first a page that shows what ends and asks why, then the deed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.widgets import UnfoldAdminRadioSelectWidget

from billing import ending
from billing.models import Service
from callcentric import clock

REASONS = [
    (Service.Reason.STAFF, "Cancelled by our staff: the customer may get the number back for 45 days"),
    (Service.Reason.VIOLATION, "Violation of the terms: the number does not come back"),
]


class CancelForm(forms.Form):
    reason = forms.ChoiceField(
        label="Why it ends",
        choices=REASONS,
        widget=UnfoldAdminRadioSelectWidget,
        help_text="The customer reads the reason in the e-mail, and it is kept in the audit log with your name.",
        error_messages={"required": "Say why these services end."},
    )


class CancelAtOnce:
    """For the admin of services: an action of their own, with a page in between."""

    admin_site: Any
    model: type[Service]

    @admin.action(description="Cancel at once…", permissions=["cancel"])
    def cancel_at_once(self, request: HttpRequest, services: QuerySet[Service]) -> HttpResponse | None:
        wanted = Service.objects.in_words().filter(pk__in=services)
        chosen = list(wanted.select_related("account__user", "number_service__phone_number").order_by("pk"))
        form = CancelForm(request.POST if "reasoned" in request.POST else None)
        if not form.is_valid():
            return self._ask_why(request, chosen, form)
        about: dict[str, Any] = {"reason": form.cleaned_data["reason"], "by": request.user, "now": clock.now()}
        cancelled = sum(len(ending.end_at_once(service, **about)) for service in chosen)
        if cancelled:
            messages.success(request, f"{cancelled} services ended today, channels included. Their customers are told.")
        if any(service.is_waiting for service in chosen):
            messages.warning(
                request, "Orders that wait for a number are not cancelled here: their customers withdraw them."
            )
        if not cancelled:
            messages.info(request, "Nothing was cancelled: none of these services could be.")
        return None

    def _ask_why(self, request: HttpRequest, chosen: list[Service], form: CancelForm) -> HttpResponse:
        ends = [service for service in chosen if ending.can_end_at_once(service)]
        context = {
            **self.admin_site.each_context(request),
            "title": "Cancel at once",
            "opts": self.model._meta,
            "form": form,
            "chosen": chosen,
            "ends": ends,
            "with_them": ending.what_ends_along(ends),
            "stay": [service for service in chosen if not ending.can_end_at_once(service)],
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        status = 422 if form.is_bound else 200
        return render(request, "admin/orders/cancel_at_once.html", context, status=status)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.cancel_service")
