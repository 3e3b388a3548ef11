"""Loads coverage from the places that the library `phonenumbers` knows for North American prefixes."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction

from phone_numbers.models import Prefix, RateCenter, Region

REGIONS = Path(__file__).with_name("regions.toml")
ROWS_A_STATEMENT = 5000
# The library knows a name for all of the District's two area codes and for none of their exchanges.
WHOLE_AREA_CODES = (("202", "Washington", "DC"), ("771", "Washington", "DC"))


@transaction.atomic
def load_coverage() -> dict[str, int]:
    """Add the missing regions, rate centres and prefixes. Returns how many there are of each then."""
    regions = _load_regions()
    rows = [(digits, name, code) for digits, name, code in _known_places() if code in regions]
    names = {(regions[code], name) for _, name, code in rows}
    _add(RateCenter, (RateCenter(region_id=region, name=name) for region, name in sorted(names)))
    ids = {(place.region_id, place.name): place.pk for place in RateCenter.objects.all()}
    _add(
        Prefix,
        (Prefix(digits=f"1{digits}", rate_center_id=ids[regions[code], name]) for digits, name, code in rows),
    )
    return {str(model._meta.verbose_name_plural): model.objects.count() for model in (Region, RateCenter, Prefix)}


def _load_regions() -> dict[str, int]:
    """The ids of all regions by code; US and Canadian codes do not overlap."""
    listed = tomllib.loads(REGIONS.read_text())
    _add(
        Region,
        (
            Region(country=country, code=code, name=name)
            for country, names in listed.items()
            for code, name in names.items()
        ),
    )
    return dict(Region.objects.filter(country__in=listed).values_list("code", "pk"))


def _known_places() -> Iterator[tuple[str, str, str]]:
    """Prefix, place and region code of every "City, ST" that the library knows in North America."""
    # Imported here: it is 287,000 names and takes seconds, and only this needs it.
    from phonenumbers.geodata import GEOCODE_DATA

    yield from WHOLE_AREA_CODES
    for number, names in GEOCODE_DATA.items():
        place = names.get("en", "")
        if number.startswith("1") and len(number) == 7 and ", " in place:
            # "Downtown Brooklyn, Brooklyn, NY": the place is the second last.
            *_, name, code = place.split(", ")
            if number[4] >= "2":
                yield number[1:], name, code


def _add(model: Any, rows: Iterator[Any]) -> None:
    model.objects.bulk_create(list(rows), batch_size=ROWS_A_STATEMENT, ignore_conflicts=True)
