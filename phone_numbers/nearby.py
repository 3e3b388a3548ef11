"""Finds numbers near a spot: for somebody whose town has none, or is no rate centre."""

import re
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.expressions import RawSQL

from phone_numbers import towns
from phone_numbers.distances import HAVERSINE, kilometres_from
from phone_numbers.models import RateCenter
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
    # Of these alone it is asked what is available: of each place of the country it takes its time.
    looked_at = RawSQL(NEAREST_WITH_NUMBERS, [latitude, latitude, longitude, LOOKED_AT])  # noqa: S611 (constant)
    found = RateCenter.objects.filter(pk__in=looked_at).annotate(kilometres=kilometres_from(latitude, longitude))
    in_stock = found.with_available().filter(Q(("available__gt", 0))).select_related("region")
    return list(in_stock.order_by("kilometres", "name")[:limit])


# By hand, because Django renames the table inside a subquery, and the distance names it.
NEAREST_WITH_NUMBERS = f"""
SELECT id FROM phone_numbers_ratecenter
WHERE latitude IS NOT NULL AND (
    counted > 0 OR EXISTS (
        SELECT 1 FROM phone_numbers_stockchange WHERE rate_center_id = phone_numbers_ratecenter.id
    )
)
ORDER BY {HAVERSINE} LIMIT %s
"""  # noqa: S608 (constant)


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
