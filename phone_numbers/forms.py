"""What the coverage tool and Lookup ask for: a search, or a place step by step."""

from collections.abc import Iterator
from html import escape
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.choices import BaseChoiceIterator
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django_countries import countries

from phone_numbers.models import RateCenter, Region, regions_with_places
from phone_numbers.questions import Question, understand


class SearchForm(forms.Form):
    q = forms.CharField(
        label="Place, number or ZIP code",
        max_length=60,
        help_text="Brooklyn, 718, 718-555, 12207 or “ends 0142”",
        widget=forms.TextInput(attrs={"type": "search"}),
    )

    def clean_q(self) -> Question:
        return understand(self.cleaned_data["q"])


class LongSelect(forms.Select):
    """A select with hundreds of options: Django's own renders a template for each of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        # Escaped one by one: format_html_join takes several times as long.
        options = "\n".join(
            f'<option value="{escape(str(key))}"{" selected" if key == value else ""}>{escape(str(label))}</option>'
            for key, label in self.choices
        )
        own = flatatt({"name": name, **self.build_attrs(self.attrs, attrs)})
        return format_html("<select{}>{}</select>", own, mark_safe(options))  # noqa: S308


class Choices(BaseChoiceIterator):
    """Hundreds of choices, without groups: Django would look for these in each choice, over and over."""

    def __init__(self, choices: list[tuple[str, str]]) -> None:
        self._choices = choices

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._choices)


class StepField(forms.ChoiceField):
    """One step of a choice: what is not chosen yet is asked for next, and no error."""

    widget = LongSelect

    def validate(self, value: str) -> None:
        if value:
            super().validate(value)


class LocationForm(forms.Form):
    """Country, then state or province, then area: each choice narrows the next. `place` is the area once it is chosen.

    ``data`` may name the area or the region alone. With `show` in it only the next step is asked for: what does not fit
    the step above is dropped, and nothing is judged.
    """

    # What is not chosen yet is asked for next.
    use_required_attribute = False

    def __init__(self, data: Any = None, *, regions: list[Region] | None = None) -> None:
        given = {name: data.get(name, "") if data else "" for name in ("country", "region", "area")}
        _fill_from_below(given)
        self.regions = list(regions_with_places()) if regions is None else regions
        names = _countries(self.regions)
        given["country"] = given["country"] or next(iter(names), "")
        is_narrowing = bool(data) and "show" in data
        in_country = [region for region in self.regions if _country_of(region.key) == given["country"]]
        self.region = _region_among(in_country, given["region"])
        if is_narrowing and not self.region:
            given["region"] = ""
            self.region = _region_among(in_country, "")
        areas = _areas(self.region)
        if is_narrowing and given["area"] not in areas:
            given["area"] = ""
        if len(areas) == 1:
            given["area"] = given["area"] or next(iter(areas))
        super().__init__(given)
        self.place = _place(given["area"]) if given["area"] in areas else None
        self._ask("country", "Country", list(names.items()), "We have no numbers there. Choose one of the list.")
        if in_country and not (self.region and self.region.is_whole_country):
            self._ask_region(in_country, given["region"])
        if self.region or given["area"] and not given["region"]:
            self._ask_area(given["area"], areas)

    def _ask_region(self, in_country: list[Region], key: str) -> None:
        country = _country_of(in_country[0].key)
        label = "Province" if country == "CA" else "State"
        elsewhere = next((region.name for region in self.regions if region.key == key), "")
        problem = f"{elsewhere} is not in {countries.name(country)}." if elsewhere else "We know no such place."
        choices = [("", f"Choose a {label.lower()}"), *((region.key, region.name) for region in in_country)]
        self._ask("region", label, choices, f"{problem} Choose one of the list.")

    def _ask_area(self, key: str, known: dict[str, str]) -> None:
        elsewhere = _place(key) if key and key not in known else None
        problem = f"{elsewhere} is not in {self.region}." if elsewhere else "We know no such area."
        choices = [("", "Choose an area"), *known.items()]
        self._ask("area", "Area", choices, f"{problem} Choose one of the list.")

    def _ask(self, name: str, label: str, choices: list[tuple[str, str]], problem: str) -> None:
        self.fields[name] = StepField(label=label, choices=Choices(choices), error_messages={"invalid_choice": problem})


def _fill_from_below(given: dict[str, str]) -> None:
    """An area says which region it is in, a region which country."""
    if given["area"] and not given["region"]:
        place = _place(given["area"])
        given["region"] = place.region.key if place else ""
    given["country"] = given["country"] or _country_of(given["region"])


def _countries(regions: list[Region]) -> dict[str, str]:
    """The names of the countries by code: the US and Canada first."""
    names = {code: countries.name(code) for code in {_country_of(region.key) for region in regions}}
    return dict(sorted(names.items(), key=lambda country: (country[0] != "US", country[0] != "CA", country[1])))


def _country_of(key: str) -> str:
    return key.partition("-")[0]


def _region_among(regions: list[Region], key: str) -> Region | None:
    """The region of that key; without one, the only region of a country that is not divided."""
    if not key and regions and regions[0].is_whole_country:
        return regions[0]
    return next((region for region in regions if region.key == key), None)


def _areas(region: Region | None) -> dict[str, str]:
    """The names of the region's areas by id."""
    found = RateCenter.objects.filter(region=region).order_by("name") if region else RateCenter.objects.none()
    return {str(pk): name for pk, name in found.values_list("pk", "name")}


def _place(key: str) -> RateCenter | None:
    # No longer than an id can be.
    is_id = key.isascii() and key.isdigit() and len(key) < 19
    return RateCenter.objects.to_show().filter(pk=key).first() if is_id else None
