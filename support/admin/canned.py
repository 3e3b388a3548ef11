"""Answers that staff give often, which they write themselves."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from support.models import CannedAnswer


@admin.register(CannedAnswer)
class CannedAnswerAdmin(ModelAdmin):
    list_display = ["title", "category"]
    list_filter = ["category"]
    search_fields = ["title", "text"]
