"""Services as staff see them: read-only, but for confirming 911."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from billing import emergency
from billing.models import Service
from callcentric import clock
from orders.admin.read_only import ReadOnly


@admin.register(Service)
class ServiceAdmin(ReadOnly, ModelAdmin):
    list_display = ["product", "account", "state", "started_on", "paid_until", "cancelled_on", "reason"]
    list_filter = ["state", "kind", "reason"]
    list_select_related = ["account", "product"]
    search_fields = ["account__number", "account__name"]
    actions = ["confirm_911"]

    @admin.action(description="Confirm 911: make it active and tell the customer", permissions=["confirm"])
    def confirm_911(self, request: HttpRequest, services: QuerySet[Service]) -> None:
        pending = services.select_related("account__user", "address")
        confirmed = sum(emergency.confirm(service, now=clock.now()) for service in pending)
        messages.success(request, f"911 confirmed for {confirmed} of {len(pending)} chosen services.")

    def has_confirm_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_service")
