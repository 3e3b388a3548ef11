"""Finds numbers near a spot: for somebody whose town has none, or is no rate centre."""

import re
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from phone_numbers import towns
from phone_numbers.distances import kilometres_from
from phone_numbers.models import RateCenter, StockChange
from phone_numbers.starting_data import REGIONS
from phone_numbers.towns import Town

# Places with numbers that are looked at: enough that some of them are not all waited for.
LOOKED_AT = 50


@dataclass(frozen=True)
class Spot:
    """A town or a ZIP code that somebody typed, and where it lies."""

    name: str
    latitude: float
    longitude: float


def nearest_in_stock(*, latitude: float, longitude: float, limit: int = 5) -> list[RateCenter]:
    """The nearest places with numbers in stock, each with what is ``available`` and how many ``kilometres`` off."""
    distance = kilometres_from(latitude, longitude)
    may_have = Q(counted__gt=0) | Exists(StockChange.objects.filter(rate_center=OuterRef("pk")))
    known = RateCenter.objects.filter(may_have, latitude__isnull=False).annotate(kilometres=distance)
    # Of these alone it is asked what is available: of each place of the country it takes its time.
    nearest = known.order_by("kilometres")[:LOOKED_AT]
    found = RateCenter.objects.filter(pk__in=nearest.values("pk")).annotate(kilometres=distance).with_available()
    return list(found.filter(Q(("available__gt", 0))).select_related("region").order_by("kilometres", "name")[:limit])


def locate(text: str) -> Spot | None:
    """Where a ZIP code or a town of the US lies: 12204, Menands, "Menands, NY". None where that is not certain."""
    text = " ".join(text.split())
    if re.fullmatch(r"\d{5}(-\d{4})?", text):
        town, code = towns.at_zip(text[:5]), f" {text[:5]}"
    else:
        town, code = _town(text), ""
    return Spot(f"{town.name}, {town.state}{code}", town.latitude, town.longitude) if town else None


def _town(text: str) -> Town | None:
    name, _, state = (part.strip() for part in text.partition(","))
    if state:
        return towns.find(name=name, state=_state_code(state))
    found = towns.find_anywhere(name=name)
    # A name that several states have is no answer.
    return found[0] if len(found) == 1 else None


def _state_code(text: str) -> str:
    """NY for NY, ny and New York."""
    codes = {name.lower(): code for code, name in REGIONS["US"].items()}
    return codes.get(text.lower(), text.upper())
