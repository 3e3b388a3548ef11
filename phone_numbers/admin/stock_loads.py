"""Files of numbers: staff upload one, see how far it is, and what was wrong with it."""

import csv
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminFileFieldWidget

from phone_numbers import tasks
from phone_numbers.models import StockLoad

LARGEST = 64 * 1024 * 1024


class StockLoadForm(forms.ModelForm):
    file = forms.FileField(
        label="CSV file",
        help_text="Columns: number and, if you like, area (Albany, NY). Between them commas or semicolons; UTF-8.",
        widget=UnfoldAdminFileFieldWidget,
        allow_empty_file=True,
    )

    class Meta:
        model = StockLoad
        fields: list[str] = []

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST:
            raise ValidationError("The file is larger than 64 MB. Split it, each part with the line of columns.")
        return file


@admin.register(StockLoad)
class StockLoadAdmin(ModelAdmin):
    form = StockLoadForm
    list_display = ["name", "state", "numbers", "problem_count", "made_at", "ended_at", "loaded_by"]
    list_filter = ["state", "made_at"]
    list_select_related = ["loaded_by"]
    ordering = ["-pk"]
    change_form_outer_before_template = "admin/phone_numbers/stock_load.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLoad]:
        return super().get_queryset(request).defer("content")

    def get_fields(self, request: HttpRequest, obj: StockLoad | None = None) -> list[str]:
        return list(self.list_display) if obj else ["file"]

    def get_readonly_fields(self, request: HttpRequest, obj: StockLoad | None = None) -> list[str]:
        return list(self.list_display) if obj else []

    def has_change_permission(self, request: HttpRequest, obj: StockLoad | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: StockLoad | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: StockLoad, form: forms.ModelForm, change: bool) -> None:
        file = form.cleaned_data["file"]
        obj.name, obj.content, obj.loaded_by_id = file.name[:200], file.read(), request.user.pk
        super().save_model(request, obj, form, change)
        # Robust: where no broker answers, the sweep finds the row.
        transaction.on_commit(lambda: tasks.load_file.delay(load_id=obj.pk), robust=True)

    def response_add(self, request: HttpRequest, obj: StockLoad, post_url_continue: str | None = None) -> HttpResponse:
        """To the file's own page, where its progress is shown."""
        return redirect("admin:phone_numbers_stockload_change", obj.pk)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        shown = getattr(response, "context_data", None) or {}
        if (file := shown.get("original")) and file.state == StockLoad.State.WAITING:
            # The page looks again by itself, without a script.
            response["Refresh"] = "2"
        return response

    def get_urls(self) -> list[URLPattern]:
        problems = self.admin_site.admin_view(self.problems_csv)
        return [
            path("<int:load_id>/problems.csv", problems, name="phone_numbers_stockload_problems"),
            *super().get_urls(),
        ]

    def problems_csv(self, request: HttpRequest, load_id: int) -> HttpResponse:
        file = self.get_object(request, str(load_id))
        if file is None or not self.has_view_permission(request, file):
            raise Http404
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="problems-{file.pk}.csv"'
        csv.writer(response).writerows([("line", "problem"), *file.problems])
        return response
