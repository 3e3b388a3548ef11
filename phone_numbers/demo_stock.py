"""Fills the stock of the demo with numbers that nobody has: NPA-555-0100 to 0199 are kept free for such use."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Substr

from phone_numbers import stock
from phone_numbers.models import PhoneNumber, Prefix, RateCenter
from phone_numbers.place_names import PlaceNames

ROWS_A_STATEMENT = 5000
# Kept free in every area code.
NUMBERS_AN_AREA_CODE = 100
TOLL_FREE_NUMBERS_A_CODE = 25
# Walks through the portal find numbers in these, beside the places where products with few locations are sold,
FULL = ("Albany, NY", "Brooklyn, NY", "Toronto, ON")
# and have to wait in this one.
EMPTY = "Buffalo, NY"


@transaction.atomic
def load_demo_stock(*, today: date) -> int:
    """Add the demo's numbers that are missing, and count the stock up; returns how many were added.

    Large places have more of them and most places none: that is how waiting can be seen. What was ordered stays.
    """
    before = PhoneNumber.objects.count()
    since = today - timedelta(days=90)
    rows = [
        PhoneNumber(digits=digits, rate_center_id=place, in_stock_since=since)
        for area_code, shares in _shares().items()
        for digits, place in _numbers(area_code, shares)
    ]
    PhoneNumber.objects.bulk_create(rows, batch_size=ROWS_A_STATEMENT, ignore_conflicts=True)
    stock.count_up()
    return PhoneNumber.objects.count() - before


def _shares() -> dict[str, list[tuple[int, int]]]:
    """How many numbers each place has in each area code."""
    names = PlaceNames()
    full = {names.find(name) for name in FULL}
    full |= set(RateCenter.objects.filter(offerings__isnull=False).values_list("pk", flat=True))
    empty = names.find(EMPTY)
    shares = {}
    for area_code, places in _places_by_area_code().items():
        wanted = [place for place in places if place != empty]
        # The fullest first; the sort keeps their order otherwise, which is by size.
        wanted.sort(key=lambda place: place not in full)
        has_full = bool(full.intersection(wanted))
        shares[area_code] = list(_halves(wanted, NUMBERS_AN_AREA_CODE if has_full else _how_many(area_code)))
    for digits, place in Prefix.objects.filter(rate_center__is_toll_free=True).values_list("digits", "rate_center"):
        shares[digits[1:4]] = [(place, TOLL_FREE_NUMBERS_A_CODE)]
    return shares


def _places_by_area_code() -> dict[str, list[int]]:
    """The places of each North American area code, those with the most prefixes first."""
    prefixes = Prefix.objects.filter(digits__startswith="1", rate_center__is_toll_free=False)
    counted = prefixes.annotate(code=Substr("digits", 2, 3)).values("code", "rate_center").annotate(count=Count("pk"))
    places = defaultdict(list)
    for row in counted.order_by("code", "-count", "rate_center"):
        places[row["code"]].append(row["rate_center"])
    return places


def _how_many(area_code: str) -> int:
    """Anything from none (a quarter of the area codes) to 75, and always the same."""
    return max(int(area_code) * 37 % 100 - 24, 0)


def _halves(places: list[int], numbers: int) -> Iterator[tuple[int, int]]:
    """Each place gets half of what is left, so that few have many and most have none."""
    for place in places:
        if not numbers:
            return
        share = (numbers + 1) // 2
        numbers -= share
        yield place, share


def _numbers(area_code: str, shares: list[tuple[int, int]]) -> Iterator[tuple[str, int]]:
    last = 100
    for place, share in shares:
        for number in range(last, last + share):
            yield f"1{area_code}5550{number}", place
        last += share
