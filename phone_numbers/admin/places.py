"""Staff look places up, add those that the first load did not know, and say what is sold and local there."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanWidget

from accounts.models import country_name
from phone_numbers import local_calling
from phone_numbers.admin.paginator import EstimatingPaginator
from phone_numbers.models import LocalCalling, Offering, Prefix, RateCenter, Region, WaitTime

PROBLEMS_SHOWN = 100


class PrefixInline(TabularInline):
    model = Prefix
    extra = 0


class OfferingInline(TabularInline):
    model = Offering
    extra = 0
    verbose_name_plural = "products sold in some places only, and here"


@admin.register(Region)
class RegionAdmin(ModelAdmin):
    list_display = ["name", "code", "country"]
    list_filter = ["country"]
    search_fields = ["name", "code"]
    ordering = ["-country", "name"]


class StockFilter(admin.SimpleListFilter):
    """Where staff should get more numbers."""

    title = "stock"
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("low", "Running low")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RateCenter]) -> QuerySet[RateCenter]:
        if self.value() != "low":
            return queryset
        return queryset.filter(pk__in=RateCenter.objects.running_low().values("pk"))


@admin.register(RateCenter)
class RateCenterAdmin(ModelAdmin):
    list_display = ["name", "region", "stock"]
    list_select_related = ["region"]
    list_filter = [StockFilter, "region"]
    search_fields = ["name", "prefixes__digits"]
    autocomplete_fields = ["region"]
    ordering = ["name", "region__name"]
    inlines = [PrefixInline, OfferingInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RateCenter]:
        return super().get_queryset(request).with_stock()

    @admin.display(description="in stock", ordering="stock")
    def stock(self, place: RateCenter) -> str:
        return f"{place.stock:,}"

    def save_model(self, request: HttpRequest, obj: RateCenter, form: forms.ModelForm, change: bool) -> None:
        # What was typed and nothing else: the stock is counted up at the same time.
        obj.save(update_fields=form.changed_data if change else None)


@admin.register(Prefix)
class PrefixAdmin(ModelAdmin):
    list_display = ["__str__", "rate_center"]
    list_select_related = ["rate_center__region"]
    search_fields = ["digits"]
    autocomplete_fields = ["rate_center"]
    ordering = ["digits"]


@admin.register(Offering)
class OfferingAdmin(ModelAdmin):
    list_display = ["product", "rate_center"]
    list_filter = ["product"]
    list_select_related = ["product", "rate_center__region"]
    search_fields = ["rate_center__name"]
    autocomplete_fields = ["rate_center"]
    ordering = ["product__position", "rate_center__name"]


@admin.register(WaitTime)
class WaitTimeAdmin(ModelAdmin):
    list_display = ["where", "shortest", "longest"]
    ordering = ["country"]

    @admin.display(description="country", ordering="country")
    def where(self, wait: WaitTime) -> str:
        return country_name(wait.country) if wait.country else "every other country"

    def get_readonly_fields(self, request: HttpRequest, obj: WaitTime | None = None) -> list[str]:
        return ["country"] if _is_default(obj) else []

    def has_delete_permission(self, request: HttpRequest, obj: WaitTime | None = None) -> bool:
        """The row for every other country stays: without it nobody could say how long a number takes there."""
        return not _is_default(obj) and super().has_delete_permission(request, obj)


def _is_default(wait: WaitTime | None) -> bool:
    return wait is not None and not wait.country


class LocalCallingForm(forms.Form):
    """A file of pairs of places."""

    file = forms.FileField(
        label="CSV file",
        help_text="Columns: from and to, each a place with its state: Albany, NY.",
        widget=UnfoldAdminFileFieldWidget,
    )
    both_ways = forms.BooleanField(
        label="Each pair is a local call both ways", required=False, widget=UnfoldBooleanWidget
    )


@admin.register(LocalCalling)
class LocalCallingAdmin(ModelAdmin):
    paginator = EstimatingPaginator
    show_full_result_count = False
    list_display = ["rate_center", "to"]
    list_select_related = ["rate_center__region", "to__region"]
    search_fields = ["rate_center__name"]
    autocomplete_fields = ["rate_center", "to"]
    ordering = ["-pk"]
    actions_list = ["import_file"]

    @action(description="Import a CSV file", url_path="import", permissions=["add"])
    def import_file(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = LocalCallingForm(request.POST or None, request.FILES or None)
        if form.is_valid():
            try:
                added = local_calling.import_local_calling(
                    form.cleaned_data["file"], both_ways=form.cleaned_data["both_ways"]
                )
            except local_calling.FileRefused as refused:
                form.add_error("file", refused.messages[:PROBLEMS_SHOWN])
            else:
                messages.success(request, f"{added:,} pair{pluralize(added)} of places added.")
                return redirect("admin:phone_numbers_localcalling_changelist")
        context: dict[str, Any] = self.admin_site.each_context(request)
        context |= {"form": form, "opts": self.opts, "title": "Import local calling areas"}
        return render(request, "admin/phone_numbers/import.html", context, status=422 if form.errors else 200)
