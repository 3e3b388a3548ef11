"""What customers fill in to become an agent, and what agents choose to see."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.validators import looks_like_account_number
from agents.models import Agent


class ApplicationForm(forms.ModelForm):
    class Meta:
        model = Agent
        fields = ["agent_id", "about"]
        labels = {"about": "How you will bring clients"}
        help_texts = {
            "agent_id": "3 to 20 letters, digits and hyphens. It stands in your link, and is for good once approved.",
            "about": "Your website, your shop, the people you know: a few words help us to decide.",
        }
        widgets = {
            "agent_id": forms.TextInput(
                attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "maxlength": 20}
            ),
            "about": forms.Textarea(attrs={"rows": 4}),
        }

    def clean_agent_id(self) -> str:
        typed: str = self.cleaned_data["agent_id"].lower()
        if looks_like_account_number(typed):
            raise ValidationError("An Agent ID cannot look like a 1777 number. Choose another one.", code="number")
        return typed


class MonthForm(forms.Form):
    """Which month's commission to show. What is not understood shows all of it."""

    month = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, months: list[date], **options: Any) -> None:
        super().__init__(*args, **options)
        named = [(f"{month:%Y-%m}", f"{month:%B %Y}") for month in months]
        self.fields["month"].choices = [("", "All months"), *named]  # type: ignore[attr-defined]

    @property
    def chosen(self) -> date | None:
        self.is_valid()
        month = self.cleaned_data.get("month")
        return date.fromisoformat(f"{month}-01") if month else None
