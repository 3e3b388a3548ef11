"""The sections of the profile, each a form of its own."""

from typing import Any

import phonenumbers
from django import forms

from accounts import time_zones
from accounts.models import Account


class SectionForm(forms.ModelForm):
    """Saves its own fields alone: what changed meanwhile in another section, or in an order, stays."""

    def save(self, commit: bool = True) -> Account:
        self.instance.save(update_fields=list(self.fields))
        return self.instance


class ContactForm(SectionForm):
    class Meta:
        model = Account
        fields = ["name", "phone"]
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "name"}),
            "phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        }
        help_texts = {"phone": "Where we reach you. From abroad, with + and the country code."}

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"]
        if not typed:
            return ""
        country = self.instance.billing_address.country.code
        try:
            number = phonenumbers.parse(typed, country)
        except phonenumbers.NumberParseException:
            number = None
        if number is None or not phonenumbers.is_possible_number(number):
            raise forms.ValidationError(
                "This is not a phone number. Write it like +1 212 555 0100.",
                code="phone",
            )
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


class TimeZoneForm(SectionForm):
    time_zone = forms.ChoiceField(choices=time_zones.choices)

    class Meta:
        model = Account
        fields = ["time_zone"]


class BillingPreferenceForm(SectionForm):
    class Meta:
        model = Account
        fields = ["pays_from"]
        widgets: dict[str, Any] = {"pays_from": forms.RadioSelect}
        help_texts = {"pays_from": "What orders and renewals are paid from. Checkout shows it before you confirm."}
