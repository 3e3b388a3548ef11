"""The form for an address: the country decides its fields, their names and what is right in them."""

import re
from typing import Any

from django import forms
from django.urls import reverse
from django_countries import countries

from accounts import embargo
from accounts.address_rules import AddressRules, postal_code_problem, rules_for, spoken, tidy_postal_code
from accounts.models import Address

AUTOCOMPLETE = {
    "street": "street-address",
    "city": "address-level2",
    "region": "address-level1",
    "postal_code": "postal-code",
}
MAX_STREET_LINES = 2


def country_choices() -> list[tuple[str, str]]:
    """Every country, embargoed ones too: choosing one has to be answered with the rule, not with silence."""
    return [(country.code, country.name) for country in countries]


class AddressForm(forms.Form):
    """An address in one country.

    The country is the submitted one; else ``country``; else that of ``initial_address``; else the US.
    ``prefix`` keeps two of them apart in one page; it names the group of fields for htmx as well.
    """

    def __init__(
        self,
        data: Any = None,
        *,
        initial_address: Address | None = None,
        country: str | None = None,
        prefix: str = "billing",
        initial: dict[str, str] | None = None,
    ) -> None:
        super().__init__(data, prefix=prefix, initial={**_values(initial_address), **(initial or {})})
        self.initial_address = initial_address
        chosen = data.get(self.add_prefix("country")) if data is not None else country
        self.rules = rules_for(_known(chosen) or _known(self.initial.get("country")) or "US")
        self.initial["country"] = self.rules.country
        self.fields["country"] = self._country_field()
        for name in self.rules.order:
            self.fields[name] = _field(self.rules, name)
            token = f"section-{prefix} {AUTOCOMPLETE[name]}"
            self.fields[name].widget.attrs["autocomplete"] = token

    @classmethod
    def typed(cls, data: Any, *, initial_address: Address | None = None, prefix: str = "billing") -> "AddressForm":
        """The fields for the country in ``data``, filled with what was typed and not judged yet."""
        names = ("country", "street", "city", "region", "postal_code")
        initial = {name: data.get(f"{prefix}-{name}", "") for name in names}
        return cls(initial_address=initial_address, country=initial["country"], prefix=prefix, initial=initial)

    @property
    def fields_id(self) -> str:
        """The id of the element around the fields, which a change of country replaces."""
        return f"{self.prefix}-address-fields"

    @property
    def fields_url(self) -> str:
        return f"{reverse('address_fields')}?prefix={self.prefix}"

    def clean_country(self) -> str:
        country = self.cleaned_data["country"]
        embargo.check(country)
        return country

    def clean_street(self) -> str:
        lines = [" ".join(line.split()) for line in self.cleaned_data["street"].splitlines()]
        lines = [line for line in lines if line]
        if len(lines) > MAX_STREET_LINES:
            raise forms.ValidationError("Write the street address in two lines.", code="too_many_lines")
        return "\n".join(lines)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        postal_code = cleaned.get("postal_code")
        if postal_code:
            country = self.rules.country
            cleaned["postal_code"] = tidy_postal_code(country=country, postal_code=postal_code)
            problem = postal_code_problem(
                country=country, region=cleaned.get("region", ""), postal_code=cleaned["postal_code"]
            )
            if problem:
                self.add_error("postal_code", forms.ValidationError(problem, code="postal_code"))
        return cleaned

    def save(self) -> Address:
        """The row for this address: the one it was filled with where nothing has changed, else a new one."""
        values = {name: self.cleaned_data.get(name, "") for name in _values(Address())}
        if self.initial_address and _values(self.initial_address) == values:
            return self.initial_address
        return Address.objects.create(**values)

    def _country_field(self) -> forms.ChoiceField:
        field = forms.ChoiceField(
            label="Country",
            choices=country_choices(),
            error_messages={"invalid_choice": "Choose a country of the list."},
        )
        field.widget.attrs |= {
            "autocomplete": f"section-{self.prefix} country",
            # A post, so that what is already typed stays out of addresses and their logs.
            "hx-post": self.fields_url,
            "hx-trigger": "change",
            "hx-target": f"#{self.fields_id}",
            "hx-swap": "outerHTML",
        }
        return field


def _field(rules: AddressRules, name: str) -> forms.Field:
    label = rules.labels[name]
    common: dict[str, Any] = {"label": label, "required": name in rules.required}
    common["error_messages"] = {"required": f"Enter the {spoken(label)}."}
    if name == "street":
        widget = forms.Textarea(attrs={"rows": 2})
        return forms.CharField(max_length=200, widget=widget, **common)
    if name == "region" and rules.regions:
        common["error_messages"] = dict.fromkeys(("required", "invalid_choice"), f"Choose the {spoken(label)}.")
        return forms.ChoiceField(choices=[("", f"Choose the {spoken(label)}"), *rules.regions], **common)
    return forms.CharField(max_length=20 if name == "postal_code" else 100, **common)


def _values(address: Address | None) -> dict[str, str]:
    if address is None:
        return {}
    country = str(address.country or "")
    values = {name: getattr(address, name) for name in ("street", "city", "region", "postal_code")}
    return {"country": country, **values}


def _known(country: Any) -> str:
    """``country`` where it is the code of one, else nothing."""
    known = isinstance(country, str) and re.fullmatch(r"[A-Z]{2}", country) and country in countries
    return country if known else ""
