"""The audit log: to be read, never changed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from accounts.models import AuditEntry
from orders.admin.read_only import ReadOnly

Action = AuditEntry.Action
# What billing sees too; the rest is about people's rights and customers' pages.
ABOUT_MONEY = (
    Action.CREDIT,
    Action.REFUND,
    Action.AGENT,
    Action.SERVICE,
    Action.PARKING,
    Action.CYCLE,
    Action.DIFFERENCE,
)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, ModelAdmin):
    list_display = ["done_at", "action", "by", "whose", "details", "reason"]
    list_filter = ["action", ("by", admin.RelatedOnlyFieldListFilter), "done_at"]
    list_select_related = ["by", "account", "user"]
    search_fields = ["=account__number", "account__name", "=user__username", "=by__username", "reason"]
    search_help_text = "A 1777 number, a name, a username, or words of the reason."
    date_hierarchy = "done_at"
    ordering = ["-pk"]
    fields = ["done_at", "action", "by_name", "whose", "details", "reason"]
    readonly_fields = ["by_name", "whose"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        entries = super().get_queryset(request)
        return entries if request.user.has_perm("accounts.change_roles") else entries.filter(action__in=ABOUT_MONEY)

    @admin.display(description="by", ordering="by__username")
    def by_name(self, entry: AuditEntry) -> str:
        return entry.by.username

    @admin.display(description="whose")
    def whose(self, entry: AuditEntry) -> Any:
        """The customer, with a link to the account, or the person of the staff."""
        if entry.account is None:
            return entry.user.username if entry.user else ""
        address = reverse("admin:accounts_account_change", args=[entry.account_id])
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>', address, entry.account
        )
