"""Trouble tickets as staff see them."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from support.models import Ticket


@admin.register(Ticket)
class TicketAdmin(ModelAdmin):
    """Staff read tickets and say how far they are; what the ticket said stays."""

    list_display = ["subject", "account", "category", "state", "opened_at"]
    list_filter = ["state", "category", "opened_at"]
    list_select_related = ["account"]
    search_fields = ["subject", "account__number", "account__name"]
    date_hierarchy = "opened_at"
    fields = ["account", "category", "subject", "text", "service", "failed_at", "opened_at", "state"]
    readonly_fields = fields[:-1]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Ticket | None = None) -> bool:
        return False
