"""The month, account by account, and what was billed for it: to be looked up."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.html import format_html
from unfold.admin import TabularInline
from unfold.decorators import display

from accounts.models import Account
from billing import progress
from billing.admin.read_only import ReadOnlyAdmin
from billing.models import Cycle, Invoice, InvoiceLine
from callcentric import clock
from callcentric.templatetags.show import usd
from phone_numbers.admin.paginator import EstimatingPaginator

LINK = '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a>'
# As unfold colours a label.
COLOURS = {
    Cycle.Standing.SETTLED.label: "success",
    Cycle.Standing.CARD.label: "info",
    Cycle.Standing.FAILED.label: "danger",
    Cycle.Standing.PARKED.label: "warning",
}


class MonthFilter(admin.SimpleListFilter):
    """The months that were collected; they are known without looking at every row."""

    title = "month"
    parameter_name = "month"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(month), f"{month:%B %Y}") for month in progress.months_known(today=clock.today())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        month = _date(self.value())
        return queryset.filter(month=month) if month else queryset


class StandingFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "stands"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(standing.value, standing.label) for standing in Cycle.Standing]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(stands=self.value()) if self.value() in Cycle.Standing else queryset


class OfAccounts(ReadOnlyAdmin):
    """Rows of accounts, found by the account's number: it is looked up first, so that an index finds its rows."""

    paginator = EstimatingPaginator
    search_fields = ("account__number",)
    search_help_text = "The account's 1777 number."
    ordering = ("-pk",)
    account_field = "account"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        number = "".join(digit for digit in search_term if digit.isdecimal())
        accounts = Account.objects.filter(number=number).values_list("pk", flat=True)
        return queryset.filter(self.of(list(accounts))), False

    @admin.display(description="month", ordering="month")
    def month_name(self, row: Any) -> str:
        return f"{row.month:%B %Y}"

    @admin.display(description="account")
    def account_link(self, row: Any) -> str:
        account = self.account_of(row)
        return _link("accounts_account", account.pk, account)

    def account_of(self, row: Any) -> Account:
        return row.account

    def of(self, accounts: list[int]) -> Q:
        return Q(**{f"{self.account_field}__in": accounts})


@admin.register(Cycle)
class CycleAdmin(OfAccounts):
    list_display = (
        "month_name",
        "account_link",
        "standing",
        "dollars",
        "payment_link",
        "invoice_link",
        "attempted_on",
        "told_on",
        "problem",
    )
    list_filter = (MonthFilter, StandingFilter)
    list_select_related = ("account", "payment__card")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cycle]:
        invoices = Invoice.objects.filter(account=OuterRef("account"), month=OuterRef("month")).order_by("-part")
        found = super().get_queryset(request).with_standing()
        return found.annotate(invoice=Subquery(invoices.values("pk")[:1]))

    def of(self, accounts: list[int]) -> Q:
        # Its index begins with the month.
        return super().of(accounts) & Q(month__in=progress.months_known(today=clock.today()))

    @display(description="state", label=COLOURS)
    def standing(self, cycle: Any) -> str:
        return Cycle.Standing(cycle.stands).label

    @admin.display(description="due")
    def dollars(self, cycle: Cycle) -> str:
        return usd(cycle.total)

    @admin.display(description="card payment")
    def payment_link(self, cycle: Cycle) -> str:
        return _link("billing_payment", cycle.payment_id, cycle.payment) if cycle.payment else ""

    @admin.display(description="invoice")
    def invoice_link(self, cycle: Any) -> str:
        return _link("billing_invoice", cycle.invoice, "Invoice") if cycle.invoice else ""


class InvoiceLineInline(TabularInline):
    model = InvoiceLine
    extra = 0
    can_delete = False
    fields = readonly_fields = ("service", "amount")
    verbose_name_plural = "lines"

    def get_queryset(self, request: HttpRequest) -> QuerySet[InvoiceLine]:
        return super().get_queryset(request).select_related("service__product")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Invoice)
class InvoiceAdmin(OfAccounts):
    list_display = ("month_name", "part", "account_link", "net", "tax", "dollars", "issued_at")
    list_filter = (MonthFilter,)
    list_select_related = ("account",)
    inlines = (InvoiceLineInline,)

    @admin.display(description="total")
    def dollars(self, invoice: Invoice) -> str:
        return usd(invoice.total)


@admin.register(InvoiceLine)
class InvoiceLineAdmin(OfAccounts):
    list_display = ("service", "month_name", "amount", "account_link", "invoice_link")
    list_filter = (MonthFilter,)
    list_select_related = ("service__product", "invoice__account")
    account_field = "invoice__account"

    def account_of(self, row: InvoiceLine) -> Account:
        return row.invoice.account

    @admin.display(description="invoice")
    def invoice_link(self, line: InvoiceLine) -> str:
        return _link("billing_invoice", line.invoice_id, line.invoice)


def _link(page: str, pk: int | None, words: object) -> str:
    return format_html(LINK, reverse(f"admin:{page}_change", args=[pk]), words)


def _date(text: str | None) -> Any:
    try:
        return parse_date(text or "")
    except ValueError:
        return None
