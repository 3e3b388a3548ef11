"""The catalogue in staff's hands: what is offered, and a price's next row."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from callcentric import clock
from callcentric.templatetags.show import usd
from catalog.models import Price, Product


class PriceForm(forms.ModelForm):
    def clean_effective_on(self) -> Any:
        day = self.cleaned_data["effective_on"]
        if day < clock.today():
            raise ValidationError("A price cannot begin in the past: what was charged then stays explained.")
        return day


class PriceInline(TabularInline):
    """The history of a price. It is changed by adding a row, and by nothing else."""

    model = Price
    form = PriceForm
    extra = 0
    ordering = ("-effective_on",)
    verbose_name_plural = "prices (add a row to change them from a day on)"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Product)
class ProductAdmin(ModelAdmin):
    list_display = ("name", "kind", "monthly_now", "setup_now", "is_offered", "position")
    list_editable = ("is_offered", "position")
    list_filter = ("kind", "is_offered")
    search_fields = ("name", "code")
    ordering = ("position", "name")
    inlines = (PriceInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        # Not priced(): a product without a price in force is on this list too, so that staff can give it one.
        return super().get_queryset(request).with_prices(clock.today())

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> tuple[str, ...]:
        return ("code", "kind") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Withdrawn, not deleted: those who hold it keep it, and old orders name it.
        return False

    @admin.display(description="a month, today")
    def monthly_now(self, product: Product) -> str:
        return usd(product.monthly) or "no price yet"

    @admin.display(description="set-up, today")
    def setup_now(self, product: Product) -> str:
        return usd(product.setup)
