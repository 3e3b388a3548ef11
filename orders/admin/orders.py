"""Orders as staff see them: read-only."""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from orders.admin.read_only import ReadOnly
from orders.models import Order, OrderLine


class OrderLineInline(ReadOnly, TabularInline):
    model = OrderLine
    fields = ["product", "setup", "this_month", "next_month", "explanation"]


@admin.register(Order)
class OrderAdmin(ReadOnly, ModelAdmin):
    list_display = ["reference", "account", "state", "total", "from_card", "placed_at"]
    list_filter = ["state", "placed_at"]
    list_select_related = ["account"]
    search_fields = ["reference", "account__number", "account__name"]
    date_hierarchy = "placed_at"
    inlines = [OrderLineInline]
