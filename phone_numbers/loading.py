"""Loads coverage: real places and their prefixes, how long numbers take there, and what is sold in few of them."""

import hashlib
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from django.db import connection, transaction
from django_countries import countries

from catalog.models import Product
from phone_numbers import towns
from phone_numbers.gazetteer import Known, known_prefixes, written_out
from phone_numbers.models import CoverageLoad, Offering, Prefix, RateCenter, Region, WaitTime
from phone_numbers.place_names import PlaceNames
from phone_numbers.renaming import rename
from phone_numbers.starting_data import FILES, PLACES, REGIONS

ROWS_A_STATEMENT = 5000
# Raise it when what is made of the data changes, so that systems that are running load it again.
RULES = 3

Say = Callable[[str], Any]


def is_loaded() -> bool:
    """Whether the places come from the data and by the rules of today."""
    newest = CoverageLoad.objects.order_by("pk").last()
    return newest is not None and newest.data == _data()


@transaction.atomic
def load_coverage(*, say: Say = str) -> None:
    """Add the regions, places and prefixes that are missing, and what is missing about them. ``say`` gets each step.

    Safe to run again: what staff have added or changed stays, and a prefix stays with the place that it has.
    """
    steps = _Steps(say)
    known = _read()
    steps.done(f"{len(known):,} prefixes read")
    regions = _load_regions(known)
    steps.done(f"{len(regions):,} regions")
    steps.done(f"{_write_names_out():,} names written out")
    places, prefixes = _add_missing(known, regions)
    steps.done(f"{places:,} places and {prefixes:,} prefixes added")
    steps.done(f"{_find_coordinates():,} places found on the map")
    steps.done(f"{_load_waits():,} waits added")
    for line in _load_offerings():
        steps.done(line)
    CoverageLoad.objects.create(data=_data())
    with connection.cursor() as cursor:
        # The first pages would be slow without it: autovacuum comes a minute later.
        cursor.execute("ANALYZE phone_numbers_ratecenter, phone_numbers_prefix")


class _Steps:
    def __init__(self, say: Say) -> None:
        self.say = say
        self.started = time.monotonic()

    def done(self, what: str) -> None:
        self.say(f"  {what}: {time.monotonic() - self.started:.1f} s")
        self.started = time.monotonic()


def _data() -> str:
    """Names the data: versions of the libraries, and a digest of our own files."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in FILES)).hexdigest()[:16]
    return f"phonenumbers {version('phonenumbers')}, zipcodes {version('zipcodes')}, files {digest}, rules {RULES}"


def _read() -> list[Known]:
    return [known._replace(place=_name(known.country, known.region, known.place)) for known in known_prefixes()]


def _name(country: str, region: str, place: str) -> str:
    return written_out(place, region) if country == "US" else place


def _load_regions(known: Iterable[Known]) -> dict[tuple[str, str], int]:
    """The ids of all regions by country and code."""
    free = PLACES["toll_free"]
    listed = [(country, code, name) for country, names in REGIONS.items() for code, name in names.items()]
    listed.append((free["country"], free["code"], free["name"]))
    listed += [(country, country, countries.name(country)) for country in PLACES["countries"]]
    _add(Region, (Region(country=country, code=code, name=name) for country, code, name in listed))
    return {(str(country), code): pk for country, code, pk in Region.objects.values_list("country", "code", "pk")}


def _write_names_out() -> int:
    """Rename places that an earlier load knew by an abbreviation."""
    renamed = 0
    for place in RateCenter.objects.filter(region__country="US").select_related("region"):
        name = written_out(place.name, place.region.code)
        if name != place.name:
            rename(place, name=name)
            renamed += 1
    return renamed


def _add_missing(known: list[Known], regions: dict[tuple[str, str], int]) -> tuple[int, int]:
    """Add the prefixes that are missing, and the places that they need. A place that staff have renamed stays one."""
    there = set(Prefix.objects.values_list("digits", flat=True))
    missing = [one for one in known if one.digits not in there]
    before = RateCenter.objects.count()
    names = sorted({(regions[one.country, one.region], one.place) for one in missing})
    free = regions[PLACES["toll_free"]["country"], PLACES["toll_free"]["code"]]
    _add(RateCenter, (RateCenter(region_id=pk, name=name, is_toll_free=pk == free) for pk, name in names))
    ids = {(region, name): pk for region, name, pk in RateCenter.objects.values_list("region", "name", "pk")}
    _add(
        Prefix,
        (Prefix(digits=one.digits, rate_center_id=ids[regions[one.country, one.region], one.place]) for one in missing),
    )
    return RateCenter.objects.count() - before, len(missing)


def _find_coordinates() -> int:
    """Say where US places lie that have no coordinates yet."""
    places = RateCenter.objects.filter(region__country="US", latitude=None, is_toll_free=False)
    found = [
        (pk, town) for pk, name, code in places.values_list("pk", "name", "region__code")
        if (town := towns.find(name=name, state=code))
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE phone_numbers_ratecenter SET latitude = spot.latitude, longitude = spot.longitude"
            " FROM unnest(%s::bigint[], %s::float8[], %s::float8[]) AS spot (id, latitude, longitude)"
            " WHERE phone_numbers_ratecenter.id = spot.id",
            [[pk for pk, _ in found], [town.latitude for _, town in found], [town.longitude for _, town in found]],
        )
    return len(found)


def _load_waits() -> int:
    rows = PLACES["waits"].items()
    made = [
        WaitTime.objects.get_or_create(country=country, defaults={"shortest": shortest, "longest": longest})[1]
        for country, (shortest, longest) in rows
    ]
    return sum(made)


def _load_offerings() -> Iterable[str]:
    """Say where limited products are sold that are sold nowhere yet."""
    names = PlaceNames()
    for code, places in PLACES["offerings"].items():
        product = Product.objects.filter(code=code, is_limited=True).first()
        if product is None:
            yield f"{code} is not in the catalogue: load_catalog, then load_coverage --again says where it is sold"
        elif not product.offerings.exists():
            ids = [pk for place in places if (pk := names.find(place))]
            _add(Offering, (Offering(product=product, rate_center_id=pk) for pk in ids))
            yield f"{product} is sold in {len(ids):,} places"


def _add(model: Any, rows: Iterable[Any]) -> None:
    model.objects.bulk_create(list(rows), batch_size=ROWS_A_STATEMENT, ignore_conflicts=True)
