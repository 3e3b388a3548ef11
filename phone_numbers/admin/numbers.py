"""The stock of numbers: staff look numbers up, add one, and take them out of service."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from callcentric import clock
from phone_numbers import disconnects, stock
from phone_numbers.admin.paginator import EstimatingPaginator
from phone_numbers.formats import ACCOUNT_NUMBER
from phone_numbers.models import PhoneNumber
from phone_numbers.places_of_numbers import why_not_at
from phone_numbers.stock_files import BadLine, digits_of

LONGEST_REASON = 200


class StockActionForm(ActionForm):
    """The bar of actions, with room for the reason that staff give."""

    # Judged by the action: what a form of actions does not take, the admin drops without a word.
    reason = forms.Field(
        label="Reason",
        required=False,
        widget=forms.TextInput(
            {
                "maxlength": LONGEST_REASON,
                "class": "group-[.changelist-actions]:!bg-white/20 group-[.changelist-actions]:!text-current "
                "group-[.changelist-actions]:px-2 group-[.changelist-actions]:py-1 "
                "group-[.changelist-actions]:rounded-default",
            }
        ),
    )


class PhoneNumberForm(forms.ModelForm):
    """One number, typed by hand."""

    # With room for brackets and spaces; what is stored is shorter.
    digits = forms.CharField(
        label="Number",
        max_length=40,
        help_text="As people write it: (518) 555-0100. Outside North America with + and the country's code.",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = PhoneNumber
        fields = ["digits", "rate_center"]

    def clean_digits(self) -> str:
        try:
            return digits_of(self.cleaned_data["digits"])
        except BadLine as bad:
            raise ValidationError(str(bad)) from bad

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        digits, place = cleaned.get("digits"), cleaned.get("rate_center")
        if digits and place and (problem := why_not_at(place, digits=digits)):
            self.add_error("rate_center", problem)
        return cleaned


@admin.register(PhoneNumber)
class PhoneNumberAdmin(ModelAdmin):
    """A number's state is changed by the verbs of the stock alone, so nothing here is typed into."""

    form = PhoneNumberForm
    action_form = StockActionForm
    paginator = EstimatingPaginator
    show_full_result_count = False
    # A page at a time: nobody means to take a million numbers out of service.
    list_disable_select_all = True
    list_display = ["national", "rate_center", "state", "holder", "disconnected_on", "in_stock_since", "note"]
    list_display_links = ["national"]
    list_filter = ["state", "rate_center__region__country"]
    list_select_related = ["rate_center__region", "holder"]
    search_fields = ["digits"]
    search_help_text = "Digits of the number, however they are written, or its holder's 1777 number."
    autocomplete_fields = ["rate_center"]
    ordering = ["-pk"]
    actions = ["take_out", "put_back"]
    actions_list = ["export_disconnects"]

    @admin.display(description="number", ordering="digits")
    def national(self, number: PhoneNumber) -> str:
        return number.national

    @admin.display(description="holder")
    def holder_link(self, number: PhoneNumber) -> str:
        if number.holder is None:
            return ""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:accounts_account_change", args=[number.holder_id]), number.holder
        )

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """The holder has a link for those who may look at accounts."""
        may = request.user.has_perm("accounts.view_account")
        return ["holder_link" if may and name == "holder" else name for name in self.list_display]

    def get_fields(self, request: HttpRequest, obj: PhoneNumber | None = None) -> list[str]:
        if obj is None:
            return ["digits", "rate_center"]
        hidden = {"id", "digits", "rate_center", "held_by"}
        shown = [field.name for field in PhoneNumber._meta.fields if field.name not in hidden]
        return ["national", "rate_center", *shown]

    def get_readonly_fields(self, request: HttpRequest, obj: PhoneNumber | None = None) -> list[str]:
        return self.get_fields(request, obj) if obj else []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PhoneNumber], search_term: str
    ) -> tuple[QuerySet[PhoneNumber], bool]:
        if not search_term.strip():
            return queryset, False
        digits = re.sub(r"\D", "", search_term)
        if ACCOUNT_NUMBER.fullmatch(digits):
            return queryset.filter(holder__number=digits), False
        return queryset.filter(digits__contains=digits) if digits else queryset.none(), False

    def save_model(self, request: HttpRequest, obj: PhoneNumber, form: forms.ModelForm, change: bool) -> None:
        obj.in_stock_since = clock.today()
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: PhoneNumber | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: PhoneNumber | None = None) -> bool:
        """The date of its last disconnect stays with us; a number that is gone is taken out of service."""
        return False

    def has_move_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("phone_numbers.move_number")

    @admin.action(description="Take out of service", permissions=["move"])
    def take_out(self, request: HttpRequest, numbers: QuerySet[PhoneNumber]) -> None:
        reason = request.POST.get("reason", "").strip()
        if not 0 < len(reason) <= LONGEST_REASON:
            messages.error(request, f"Say why, in at most {LONGEST_REASON} characters: type it beside the action.")
            return
        if "\0" in reason:
            messages.error(request, "The reason has a NUL character in it. Type it again beside the action.")
            return
        chosen = _plain(numbers)
        taken = stock.take_out(chosen, note=reason)
        messages.success(request, f"{taken} of {chosen.count()} numbers taken out. Those that customers have stay.")

    @admin.action(description="Put back into service", permissions=["move"])
    def put_back(self, request: HttpRequest, numbers: QuerySet[PhoneNumber]) -> None:
        chosen = _plain(numbers)
        back = stock.put_back(chosen, today=clock.today())
        messages.success(request, f"{back} of {chosen.count()} numbers put back into service.")

    @action(description="Disconnects (CSV)", url_path="disconnects.csv", permissions=["move"])
    def export_disconnects(self, request: HttpRequest) -> StreamingHttpResponse:
        """For the Reassigned Numbers Database; `manage.py export_disconnects` writes a part of it."""
        response = StreamingHttpResponse(disconnects.lines(), content_type="text/csv")
        response["Content-Disposition"] = f'attachment; filename="disconnects-{clock.today()}.csv"'
        return response


def _plain(numbers: QuerySet[PhoneNumber]) -> QuerySet[PhoneNumber]:
    """The chosen rows without what the list joins to them, to be locked."""
    return PhoneNumber.objects.filter(pk__in=numbers.order_by().values("pk"))
