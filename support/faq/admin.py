"""The FAQ in staff's hands: its categories, its answers, and what people search for in vain."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from callcentric import clock
from support.faq import rendering
from support.faq.models import SEARCHED, FaqCategory, FaqQuestion, MissedSearch


@admin.register(FaqCategory)
class FaqCategoryAdmin(ModelAdmin):
    list_display = ("name", "slug", "position")
    list_editable = ("position",)
    ordering = ("position", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: FaqCategory | None = None) -> tuple[str, ...]:
        # A part of addresses that others have linked to.
        return ("slug",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: FaqCategory | None = None) -> bool:
        # The next load would bring it back; one without published questions is not shown.
        return False


class FaqQuestionForm(forms.ModelForm):
    def clean_answer(self) -> str:
        answer: str = self.cleaned_data["answer"]
        nowhere = [target for target in rendering.targets(answer) if not rendering.address_of(target)]
        # What an answer had already may stay: its page may come with the next release.
        nowhere = [target for target in nowhere if target not in rendering.targets(self.initial.get("answer", ""))]
        if nowhere:
            raise ValidationError(f"These links lead nowhere: {', '.join(nowhere)}. {self.fields['answer'].help_text}")
        unknown = {found[0] for found in rendering.PRICE.finditer(answer)}
        unknown -= {f"{{price:{code}:{name}}}" for code, name in rendering.prices(clock.today())}
        if unknown:
            raise ValidationError(f"The catalogue has no such price: {', '.join(sorted(unknown))}.")
        return answer


@admin.register(FaqQuestion)
class FaqQuestionAdmin(ModelAdmin):
    form = FaqQuestionForm
    list_display = ("question", "category", "position", "is_published", "edited")
    list_editable = ("position", "is_published")
    list_filter = ("category", "is_published", "reader")
    list_select_related = ("category",)
    search_fields = ("question", "answer", "words")
    ordering = ("category__position", "position", "pk")
    fields = ("category", "slug", "position", "question", "answer", "words", "links", "reader", "is_published")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FaqQuestion]:
        return super().get_queryset(request).defer(*SEARCHED)

    def get_readonly_fields(self, request: HttpRequest, obj: FaqQuestion | None = None) -> tuple[str, ...]:
        # Its address stays what others have linked to.
        return ("category", "slug") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: FaqQuestion | None = None) -> bool:
        """What was loaded would come back with the next load: it is withdrawn by publishing it no more."""
        return super().has_delete_permission(request, obj) and not (obj and obj.loaded_digest)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    @admin.display(boolean=True, description="written or edited here")
    def edited(self, question: FaqQuestion) -> bool:
        return question.is_edited


@admin.register(MissedSearch)
class MissedSearchAdmin(ModelAdmin):
    """What no answer has: write one, or give one of them other words to be found by, and delete the row."""

    list_display = ("text", "times", "last_at", "showed_some")
    list_filter = ("showed_some", "last_at")
    search_fields = ("text",)
    ordering = ("-times", "-last_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: MissedSearch | None = None) -> bool:
        return False
