"""Towns of the US and where they lie, from the library `zipcodes`: more of them than there are rate centres."""

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from statistics import median

from phone_numbers.starting_data import REGIONS

# As they are spelled, and as they are compared.
_SPELLINGS = {"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort", "afb": "airforcebase", "twp": "township"}
# What a place's name may have more than its town's: White Lake Township is at White Lake.
_ENDINGS = ("township", "charter", "borough", "village", "city")


@dataclass(frozen=True, slots=True)
class Town:
    """Where the middle of a town's ZIP codes lies, in degrees."""

    name: str
    state: str
    latitude: float
    longitude: float
    # False for another name of a town, such as Arlington Hts for Arlington Heights.
    is_main_name: bool = True


def find(*, name: str, state: str) -> Town | None:
    """The town that is spelled like ``name``, whatever its accents, hyphens and Saints, in the state "NY"."""
    words = _words(name) if state in REGIONS["US"] else []
    while words:
        found = _towns_of(state).get("".join(words))
        if found or words[-1] not in _ENDINGS:
            return found
        words.pop()
    return None


def find_anywhere(*, name: str) -> list[Town]:
    """The towns of that name in all states."""
    key = spelled_alike(name)
    return [towns[key] for towns in map(_towns_of, REGIONS["US"]) if key in towns]


def at_zip(code: str) -> Town | None:
    """The town of a ZIP code of five digits, where that very code lies."""
    import zipcodes

    found = zipcodes.matching(code)
    if not found or not float(found[0]["lat"]):
        return None
    return Town(found[0]["city"], found[0]["state"], float(found[0]["lat"]), float(found[0]["long"]))


def spelled_alike(name: str) -> str:
    """``name`` without what may be spelled in several ways: St. and Saint, accents, hyphens, capital letters."""
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower().replace("'", "")
    return [_SPELLINGS.get(word, word) for word in re.findall(r"[a-z0-9]+", plain)]


@cache
def _towns_of(state: str) -> dict[str, Town]:
    """The towns of a state by spelling. Of two with the same spelling the one that is a town's main name counts."""
    # Imported here, and asked state by state: all at once would take every web process 200 MB.
    import zipcodes

    found: dict[str, Town] = {}
    codes = [code for code in zipcodes.filter_by(state=state) if float(code["lat"])]
    for kind in ("city", "acceptable_cities", "unacceptable_cities"):
        spots = defaultdict(list)
        for code in codes:
            for name in [code["city"]] if kind == "city" else code[kind]:
                spots[spelled_alike(name)].append((name, float(code["lat"]), float(code["long"])))
        for key, these in spots.items():
            latitude, longitude = median(spot[1] for spot in these), median(spot[2] for spot in these)
            found.setdefault(key, Town(these[0][0], state, latitude, longitude, is_main_name=kind == "city"))
    found.pop("", None)
    return found
