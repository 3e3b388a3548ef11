"""Staff cancel services at once: first a page that shows what ends and asks why, then the deed."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.widgets import UnfoldAdminRadioSelectWidget

from billing import emergency, ending
from billing.models import Service
from callcentric import clock
from catalog.models import Product

REASONS = [
    (Service.Reason.STAFF, "Cancelled by our staff: the customer may get the number back for 45 days"),
    (Service.Reason.VIOLATION, "Violation of the terms: the number does not come back"),
]


class CancelForm(forms.Form):
    reason = forms.ChoiceField(
        label="Why it ends",
        choices=REASONS,
        widget=UnfoldAdminRadioSelectWidget,
        help_text="The customer reads the reason in the e-mail.",
        error_messages={"required": "Say why these services end."},
    )


class CancelAtOnce:
    """For the admin of services: an action of their own, with a page in between."""

    admin_site: Any
    model: type[Service]

    @admin.action(description="Cancel at once…", permissions=["change_services"])
    def cancel_at_once(self, request: HttpRequest, services: QuerySet[Service]) -> HttpResponse | None:
        wanted = Service.objects.in_words().filter(pk__in=services)
        chosen = list(wanted.select_related("account__user", "number_service__phone_number").order_by("pk"))
        form = CancelForm(request.POST if "reasoned" in request.POST else None)
        if not form.is_valid():
            return self._ask_why(request, chosen, form)
        cancelled = sum(_cancel(service, form.cleaned_data["reason"]) for service in chosen if _can_cancel(service))
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
        ends = [service for service in chosen if _can_cancel(service)]
        context = {
            **self.admin_site.each_context(request),
            "title": "Cancel at once",
            "opts": self.model._meta,
            "form": form,
            "chosen": chosen,
            "ends": ends,
            "with_them": _with_them(ends),
            "stay": [service for service in chosen if not _can_cancel(service)],
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        status = 422 if form.is_bound else 200
        return render(request, "admin/orders/cancel_at_once.html", context, status=status)

    def has_change_services_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_service")


def _can_cancel(service: Service) -> bool:
    return service.state != Service.State.CANCELLED and not service.is_waiting


def _cancel(service: Service, reason: str) -> int:
    return len(ending.end_at_once(service, reason=reason, now=clock.now()))


def _with_them(ends: Collection[Service]) -> list[Service]:
    """What ends along with these: the channels of numbers, and 911 where nothing is left that calls for it."""
    accounts, keys = {service.account_id for service in ends}, {service.pk for service in ends}
    held = Service.objects.held().in_words().select_related("account__user", "number_service__phone_number")
    others = held.exclude(pk__in=keys)
    calling = others.filter(account__in=accounts, kind__in=emergency.CALLS_FOR_911)
    in_need = set(calling.values_list("account", flat=True))
    e911 = Q(kind=Product.Kind.E911, account__in=accounts - in_need)
    return list(others.filter(Q(number_service__in=keys) | e911).order_by("pk"))
