"""Reads names of places however they are spelled: accents, hyphens, Saints, and the region with or without a comma."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.db.models import Func, TextField
from django_countries import countries

from phone_numbers.starting_data import REGIONS
from phone_numbers.towns import spelled_alike

# What people say, and no table of ours does.
_COUNTRIES = {"uk": "GB", "greatbritain": "GB", "england": "GB", "usa": "US", "us": "US", "unitedstates": "US"}
_PLACES = dict.fromkeys(["nyc", "nycny", "newyorkcity", "newyorkcityny"], "New York, NY") | {
    "philly": "Philadelphia, PA",
}
# Patterns of PostgreSQL, in this order: accents, apostrophes, what is between words, and words in capitals.
_REPLACED = {
    r"[\u0300-\u036F]+": "",
    r"[\u0027\u0060\u2018\u2019\u02BB]": "",
    r"[-\u2013.,;/()\s]+": " ",
    r"^ | $": "",
    r"[\u0152\u0153]": "OE",
    r"\mST\M": "SAINT",
    r"\mSTE\M": "SAINTE",
    r"\mMT\M": "MOUNT",
    r"\mFT\M": "FORT",
}
_PLAINLY = "upper(normalize(%(expressions)s, NFKD))"
for _pattern, _instead in _REPLACED.items():
    _PLAINLY = f"regexp_replace({_PLAINLY}, '{_pattern}', '{_instead}', 'g')"


class Asked(NamedTuple):
    """A place that somebody typed: its name, and the regions or countries that it should lie in."""

    name: str
    regions: tuple[str, ...] = ()
    # False where the last words may be a part of the name after all: Port Washington.
    is_certain: bool = True

    @property
    def with_comma(self) -> str:
        """Albany, NY; without the country."""
        return ", ".join([self.name, *self.regions[:1]])


def read(text: str) -> Asked:
    """Name and regions of "Albany, NY", "Albany NY", "Toronto Ontario Canada", "london uk" and "NYC"."""
    text = _PLACES.get(spelled_alike(text), text)
    name, comma, rest = (part.strip() for part in text.partition(","))
    if comma:
        return Asked(name, tuple(_regions(rest)))
    if _is_region(text):
        return Asked(text)
    name, *regions = _cut(text, _is_region)
    if regions and country_code(regions[0]) and not _is_region(name):
        name, *state = _cut(name, _is_region)
        regions = [*state, *regions]
    return Asked(name, tuple(regions), is_certain=not regions)


def country_code(name: str) -> str:
    """GB for the United Kingdom, UK and England; empty where no country is called so."""
    return _country_codes().get(spelled_alike(name), "")


def plainly(expression: Any) -> Func:
    """A name in capitals, without accents and signs, Saint and its like written out: SAINT JOHNS for St. John’s.

    PostgreSQL does it, to what is stored and to what is typed alike: so staff's own places are found as well.
    """
    return Func(expression, template=_PLAINLY, output_field=TextField())


def _regions(text: str) -> list[str]:
    """What comes after the first comma: NY; NY, USA; Ontario Canada."""
    parts = text.split(",") if "," in text or _is_region(text) else _cut(text, country_code)
    return [part.strip() for part in parts if part.strip()]


def _cut(text: str, is_known: Callable[[str], Any]) -> list[str]:
    """The words before the longest ending that ``is_known``, and the ending; all of them where there is none."""
    words = text.split()
    for count in range(1, len(words)):
        if is_known(ending := " ".join(words[count:])):
            return [" ".join(words[:count]), ending]
    return [text]


def _is_region(text: str) -> bool:
    return spelled_alike(text) in _region_names() or bool(country_code(text))


@cache
def _region_names() -> set[str]:
    names = {name for known in REGIONS.values() for pair in known.items() for name in pair}
    return {spelled_alike(name) for name in names}


@cache
def _country_codes() -> dict[str, str]:
    return {spelled_alike(name): code for code, name in countries} | _COUNTRIES
