"""What the library `phonenumbers` knows: which place a prefix belongs to, and how its name is written out."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from phone_numbers import towns
from phone_numbers.starting_data import PLACES, REGIONS

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
    calling_codes = {country["calling_code"]: code for code, country in PLACES["countries"].items()}
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for digits, names in GEOCODE_DATA.items():
        country = "1" if digits[0] == "1" else calling_codes.get(digits[:2]) or calling_codes.get(digits[:3])
        if country and "en" in names:
            rows[country][digits] = names["en"]
    yield from _north_american(rows.pop("1"))
    for country, texts in rows.items():
        yield from _further(country, texts)


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


def _north_american(texts: dict[str, str]) -> Iterator[Known]:
    """Whole area codes and exchanges with a name such as "Detroit, MI"; 313-86 stands for 313-860 to 313-869."""
    texts |= PLACES["whole_area_codes"]
    exchanges = {}
    # The more digits, the nearer to the truth: what comes later counts.
    for digits in sorted(texts, key=len):
        lacking = 7 - len(digits) if len(digits) > 4 else 0
        for rest in range(10**lacking):
            exchanges[f"{digits}{rest:0{lacking}}" if lacking else digits] = texts[digits]
    for digits, text in exchanges.items():
        before, _, code = text.rpartition(", ")
        # Exchanges begin with 2 to 9.
        if before and code in _COUNTRY_OF and (len(digits) == 4 or digits[4] >= "2"):
            # "Downtown Brooklyn, Brooklyn, NY": the place is the second last.
            yield Known(digits, _COUNTRY_OF[code], code, before.split(", ")[-1])


def _further(country: str, texts: dict[str, str]) -> Iterator[Known]:
    """The names without the region that some carry, but where a country has that name in several."""
    limits = PLACES["countries"][country]
    # Some name no town, some several: Wellington/Hutt Valley.
    towns_alone = {
        digits: text.replace(" - ", ", ").partition(", ")
        for digits, text in texts.items()
        if len(digits) <= limits["digits"] and "/" not in text and text not in limits.get("leave_out", ())
    }
    regions = defaultdict(set)
    for name, _, region in towns_alone.values():
        regions[name].add(region)
    for digits, (name, _, region) in towns_alone.items():
        is_ambiguous = region and len(regions[name] - {""}) > 1
        yield Known(digits, country, country, f"{name} ({region})" if is_ambiguous else name)
