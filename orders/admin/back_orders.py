"""The queue of orders that wait for a number: staff give the next ones in stock, or the very number they have found."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from callcentric import clock
from callcentric.errors import Refused
from orders import back_orders
from orders.admin.read_only import ReadOnly
from phone_numbers import waits
from phone_numbers.models import BackOrder, RateCenter
from phone_numbers.stock_files import BadLine, digits_of
from phone_numbers.waits import business_days

State = BackOrder.State


class NumberForm(forms.Form):
    number = forms.CharField(
        label="Assign this number",
        max_length=40,
        help_text="As people write it: (518) 555-0100. One that is not in the stock yet is added to this place first.",
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_number(self) -> str:
        try:
            return digits_of(self.cleaned_data["number"])
        except BadLine as bad:
            raise ValidationError(str(bad)) from bad


class StateFilter(admin.SimpleListFilter):
    """Those that wait, unless staff ask for others."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, label in State.choices if value != State.WAITING]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        return iter([{**first, "display": State.WAITING.label}, *others])

    def queryset(self, request: HttpRequest, queryset: QuerySet[BackOrder]) -> QuerySet[BackOrder]:
        return queryset.filter(state=self.value() if self.value() in State else State.WAITING)


class WaitFilter(admin.SimpleListFilter):
    """How long they wait; of those that are done with, none."""

    title = "wait"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        longer = [(str(days), f"More than {days} business days") for days in waits.LONG]
        return [*longer, ("late", "Longer than we said")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BackOrder]) -> QuerySet[BackOrder]:
        today, chosen = clock.today(), self.value() or ""
        if chosen == "late":
            return queryset.filter(pk__in=waits.late(today=today).values("pk"))
        if chosen not in map(str, waits.LONG):
            return queryset
        return queryset.filter(pk__in=waits.waiting_longer(int(chosen), today=today).values("pk"))


@admin.register(BackOrder)
class BackOrderAdmin(ReadOnly, ModelAdmin):
    list_display = ["rate_center", "account", "product", "ordered_at", "age", "in_stock", "state"]
    list_filter = [StateFilter, WaitFilter, "rate_center__region__country", "product"]
    list_select_related = ["rate_center__region", "account", "product", "phone_number"]
    search_fields = ["account__number", "account__name", "rate_center__name"]
    ordering = ["ordered_at", "pk"]
    readonly_fields = ["customer"]
    actions = ["assign_next"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BackOrder]:
        places = RateCenter.objects.with_stock().filter(pk=OuterRef("rate_center"))
        return super().get_queryset(request).annotate(stock=Subquery(places.values("stock")))  # type: ignore[misc]

    def get_urls(self) -> list[URLPattern]:
        assign = path(
            "<int:pk>/assign/", self.admin_site.admin_view(self.assign), name="phone_numbers_backorder_assign"
        )
        return [assign, *super().get_urls()]

    @admin.display(description="business days")
    def age(self, back_order: BackOrder) -> int | None:
        if back_order.state == State.WAITING:
            return business_days(back_order.ordered_on, clock.today())
        return back_order.waited

    @admin.display(description="in stock there", ordering="stock")
    def in_stock(self, back_order: Any) -> int:
        return back_order.stock

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return [*self.list_display, "number_or_assign" if self.has_assign_permission(request) else "number"]

    def get_fields(self, request: HttpRequest, obj: BackOrder | None = None) -> list[str]:
        """The customer has a link for those who may look at accounts."""
        may = request.user.has_perm("accounts.view_account")
        names = [field.name for field in BackOrder._meta.fields if field.name != "id"]
        return ["customer" if name == "account" and not may else name for name in names]

    @admin.display(description="account")
    def customer(self, back_order: BackOrder) -> str:
        return str(back_order.account)

    @admin.display(description="number")
    def number(self, back_order: BackOrder) -> str:
        return str(back_order.phone_number or "")

    @admin.display(description="number")
    def number_or_assign(self, back_order: BackOrder) -> str:
        if back_order.state != State.WAITING:
            return self.number(back_order)
        link = reverse("admin:phone_numbers_backorder_assign", args=[back_order.pk])
        return format_html('<a class="text-primary-600 dark:text-primary-500 underline" href="{}">Assign…</a>', link)

    @admin.action(description="Assign next: numbers in stock to the oldest orders there", permissions=["assign"])
    def assign_next(self, request: HttpRequest, chosen: QuerySet[BackOrder]) -> None:
        """As many orders of each place as were chosen there get a number, always the oldest first."""
        waiting = chosen.waiting().select_related("rate_center__region")  # type: ignore[attr-defined]
        filled: list[BackOrder] = []
        without: list[str] = []
        for place, wanted in Counter(back_order.rate_center for back_order in waiting).items():
            served = [back_orders.assign_next(place, now=clock.now()) for _ in range(wanted)]
            filled += filter(None, served)
            if missing := served.count(None):
                without.append(f"{place} ({missing})")
        if filled:
            given = ", ".join(f"{each.phone_number} to {each.account.name}" for each in filled)
            messages.success(request, f"The oldest orders of each place got a number, {len(filled)} in all: {given}.")
        if without:
            messages.warning(
                request,
                f"Not served: {', '.join(without)}. No number was free there, or somebody else has just taken up "
                "these orders. Look at the queue again.",
            )
        if not filled and not without:
            messages.info(request, "None of these orders waits any more.")

    def assign(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Gives the oldest order of the place the number that is typed here."""
        if not self.has_assign_permission(request):
            raise PermissionDenied
        asked = get_object_or_404(BackOrder.objects.select_related("rate_center__region"), pk=pk)
        place = asked.rate_center
        line = BackOrder.objects.waiting().in_line().filter(rate_center=place).select_related("account", "product")
        form = NumberForm(request.POST or None)
        if form.is_valid():
            try:
                filled = back_orders.assign_this(place, digits=form.cleaned_data["number"], now=clock.now())
            except Refused as refusal:
                form.add_error("number", refusal)
            else:
                messages.success(request, f"{filled.phone_number} is {filled.account.name}'s now; an e-mail says so.")
                return redirect("admin:phone_numbers_backorder_changelist")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Assign a number in {place}",
            "opts": self.model._meta,
            "form": form,
            "oldest": line.first(),
            "asked": asked,
        }
        return render(request, "admin/orders/assign_number.html", context, status=422 if form.errors else 200)

    def has_assign_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("phone_numbers.assign_number")
