"""Staff look places up, and add those that the first load did not know."""

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline

from phone_numbers.models import Prefix, RateCenter, Region


class PrefixInline(TabularInline):
    model = Prefix
    extra = 0


@admin.register(Region)
class RegionAdmin(ModelAdmin):
    list_display = ("name", "code", "country")
    list_filter = ("country",)
    search_fields = ("name", "code")
    ordering = ("-country", "name")


@admin.register(RateCenter)
class RateCenterAdmin(ModelAdmin):
    list_display = ("name", "region")
    list_select_related = ("region",)
    list_filter = ("region",)
    search_fields = ("name", "prefixes__digits")
    autocomplete_fields = ("region",)
    ordering = ("name", "region__name")
    inlines = (PrefixInline,)
