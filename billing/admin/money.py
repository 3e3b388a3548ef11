"""Money as staff see it: to be read, never changed, but for credits and refunds. Only tax rates are theirs to edit."""

from django.contrib import admin
from django.http import HttpRequest
from import_export.admin import ImportExportModelAdmin
from import_export.resources import ModelResource
from unfold.admin import ModelAdmin
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from billing.admin.adjusting import Credits, Refunds
from billing.admin.read_only import ReadOnlyAdmin
from billing.models import Card, CardRefund, LedgerAccount, OwedCommission, Payment, StripeEvent, TaxRate, Transfer


class TaxRateResource(ModelResource):
    """A row of the file is known by its country and region."""

    class Meta:
        model = TaxRate
        import_id_fields = ("country", "region")
        fields = ("country", "region", "rate")


@admin.register(LedgerAccount)
class LedgerAccountAdmin(Credits, ReadOnlyAdmin):
    list_display = ("__str__", "kind", "balance")
    list_filter = ("kind",)
    list_select_related = ("account",)
    search_fields = ("account__number", "account__name", "account__user__email")
    ordering = ("-pk",)


@admin.register(Transfer)
class TransferAdmin(Refunds, ReadOnlyAdmin):
    list_display = ("made_at", "kind", "amount", "source", "target", "memo", "key")
    list_filter = ("kind", "made_at")
    list_select_related = ("source__account", "target__account")
    search_fields = ("=key", "=source__account__number", "=target__account__number")
    ordering = ("-pk",)


@admin.register(OwedCommission)
class OwedCommissionAdmin(ReadOnlyAdmin):
    """What agents still have to give back: it is taken from what they earn, and by nobody's hand."""

    list_display = ("agent", "refund", "left")
    list_select_related = ("agent__account", "refund")
    search_fields = ("=agent__account__number", "=refund__key")
    ordering = ("-left", "pk")


@admin.register(CardRefund)
class CardRefundAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "payment", "amount", "state", "problem")
    list_filter = ("state", "created_at")
    list_select_related = ("payment__card",)
    search_fields = ("=payment__account__number", "=payment__stripe_id", "=stripe_id")
    ordering = ("-pk",)


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "account", "amount", "purpose", "state", "card", "problem")
    list_filter = ("state", "purpose", "created_at", ("decline_code", admin.EmptyFieldListFilter))
    list_select_related = ("account", "card")
    search_fields = ("=account__number", "=stripe_id", "account__name")
    ordering = ("-pk",)


@admin.register(Card)
class CardAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "account", "expires", "is_default", "added_at", "removed_at")
    list_filter = ("is_default", "brand")
    list_select_related = ("account",)
    search_fields = ("=account__number", "account__name", "=last4", "=stripe_id")
    ordering = ("-pk",)


@admin.register(StripeEvent)
class StripeEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "type", "object_id", "acted_at", "problem")
    list_filter = (("acted_at", admin.EmptyFieldListFilter), "type")
    search_fields = ("=stripe_id", "=object_id", "=customer")
    ordering = ("-pk",)


@admin.register(TaxRate)
class TaxRateAdmin(ModelAdmin, ImportExportModelAdmin):
    """Staff keep the table by hand or load it from a file, with a preview of what would change."""

    import_form_class = ImportForm
    export_form_class = ExportForm
    resource_classes = [TaxRateResource]
    list_display = ("country", "region", "rate")
    search_fields = ("region",)
    ordering = ("country", "region")

    def has_import_permission(self, request: HttpRequest) -> bool:
        """A file adds rates and changes them; the library lets everybody do so who may enter the admin."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)
