"""What the library `phonenumbers` knows: which place a prefix belongs to, and how its name is written out."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from phone_numbers import towns

REGIONS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_name("regions.toml").read_text())
PLACES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("places.toml").read_text())
_COUNTRY_OF = {code: country for country, names in REGIONS.items() for code in names}


class Known(NamedTuple):
    """A prefix and the place it belongs to."""

    digits: str
    country: str
    region: str
    place: str


def known_prefixes() -> Iterator[Known]:
    """Every prefix that there is coverage for: toll-free ones, North America, and further countries."""
    # Imported here: it is 287,000 names and takes seconds, and only this needs it.
    from phonenumbers.geodata import GEOCODE_DATA

    free = PLACES["toll_free"]
    yield from (Known(digits, free["country"], free["code"], free["name"]) for digits in free["prefixes"])
    for digits, text in PLACES["whole_area_codes"].items():
        yield from _north_american(digits, text)
    further = defaultdict(list)
    limits = {country["calling_code"]: (code, country) for code, country in PLACES["countries"].items()}
    for digits, names in GEOCODE_DATA.items():
        text = names.get("en", "")
        if digits[0] == "1":
            # Exchanges begin with 2 to 9.
            if len(digits) == 7 and digits[4] >= "2":
                yield from _north_american(digits, text)
        elif (calling_code := _calling_code(digits, limits)) and _names_a_town(digits, text, limits[calling_code][1]):
            further[limits[calling_code][0]].append((digits, text))
    for country, rows in further.items():
        yield from _further(country, rows)


def written_out(name: str, state: str) -> str:
    """``name`` without abbreviations, where it is sure what they stand for: Steamboat Spgs is Steamboat Springs."""
    single = PLACES["names"].get(f"{name}, {state}")
    if single:
        return single
    sure, where_known = PLACES["words"]["sure"], PLACES["words"]["where_known"]
    words = [sure.get(word, word) for word in name.split()]
    longer = " ".join(where_known.get(word, word) for word in words)
    if longer != name and (found := towns.find(name=longer, state=state)) and found.is_main_name:
        as_it_is = towns.find(name=name, state=state)
        if not (as_it_is and as_it_is.is_main_name):
            return longer
    return " ".join(words)


def _north_american(digits: str, text: str) -> Iterator[Known]:
    before, _, code = text.rpartition(", ")
    if before and code in _COUNTRY_OF:
        # "Downtown Brooklyn, Brooklyn, NY": the place is the second last.
        yield Known(digits, _COUNTRY_OF[code], code, before.split(", ")[-1])


def _calling_code(digits: str, wanted: dict[str, Any]) -> str:
    return next((digits[:length] for length in (2, 3) if digits[:length] in wanted), "")


def _names_a_town(digits: str, text: str, country: dict[str, Any]) -> bool:
    """Not a region, nor a list such as Wellington/Hutt Valley."""
    return (
        bool(text) and len(digits) <= country["digits"] and "/" not in text and text not in country.get("leave_out", ())
    )


def _further(country: str, rows: list[tuple[str, str]]) -> Iterator[Known]:
    """The names without the region that some carry, but where a country has that name in several."""
    parts = {text: text.replace(" - ", ", ").partition(", ") for _, text in rows}
    regions = defaultdict(set)
    for name, _, region in parts.values():
        regions[name].add(region)
    for digits, text in rows:
        name, _, region = parts[text]
        is_ambiguous = region and len(regions[name] - {""}) > 1
        yield Known(digits, country, country, f"{name} ({region})" if is_ambiguous else name)
