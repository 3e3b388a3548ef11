"""Says which places are a local call from a place: by what staff have imported, else by an honest estimate."""

import codecs
import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import IO, Any

from django.db import transaction
from django.db.models import BooleanField, Exists, F, Q
from django.db.models.expressions import RawSQL

from callcentric.errors import Refused
from phone_numbers.distances import around, kilometres_from
from phone_numbers.models import LocalCalling, Prefix, RateCenter
from phone_numbers.place_names import PlaceNames

SHOWN = 12
# A local calling area is about so large; the estimate where none is imported.
KILOMETRES = 40
# Elsewhere it is not known which digits are the area code.
NUMBERED_BY_AREA_CODES = ("US", "CA")
ROWS_A_STATEMENT = 5000


class FileRefused(Refused):
    """A file of local calling areas has lines that cannot be read; nothing of it was imported."""


@dataclass(frozen=True)
class LocalAreas:
    """Places that are local to one: nearest first, each with what is available and its region at hand."""

    places: Sequence[RateCenter] = ()
    is_estimate: bool = False
    # How we know, as it goes on after "Areas"; where there are none, a sentence that says so.
    basis: str = ""


def local_to(rate_center: RateCenter) -> LocalAreas:
    """The places that are a local call from ``rate_center``, at most 12 of them, by one query.

    ``rate_center`` is one as RateCenterQuerySet.to_show() has it.
    """
    if rate_center.is_toll_free:
        return LocalAreas(basis="a call to a toll-free number costs the caller nothing, from anywhere")
    # Not EXISTS for each: it would be asked anew of every place there is.
    listed = RawSQL(LISTED, [rate_center.pk], output_field=BooleanField())  # noqa: S611 (constant)
    estimate, where, why = _estimate(rate_center)
    others = RateCenter.objects.filter(is_toll_free=False).exclude(pk=rate_center.pk)
    distance = kilometres_from(rate_center.latitude, rate_center.longitude)
    found = others.annotate(is_listed=listed, kilometres=distance).filter(Q(("is_listed", True)) | estimate)
    nearest_first = ("-is_listed", F("kilometres").asc(nulls_last=True), F("available").desc(), "name")
    places = list(found.with_available().select_related("region").order_by(*nearest_first)[:SHOWN])
    imported = [place for place in places if place.is_listed]
    if imported:
        return LocalAreas(imported, basis="that the phone companies list as local")
    if not where:
        return LocalAreas(basis="which areas are local is not known outside North America")
    basis = f"{where}, an estimate{why}" if places else f"we know of no other area {where}"
    return LocalAreas(places, is_estimate=True, basis=basis)


LISTED = "phone_numbers_ratecenter.id IN (SELECT to_id FROM phone_numbers_localcalling WHERE rate_center_id = %s)"


def _estimate(rate_center: RateCenter) -> tuple[Q, str, str]:
    """Which places are taken for local where none are listed; where these are, and why no better is known."""
    if rate_center.region.country not in NUMBERED_BY_AREA_CODES:
        return Q(pk__in=[]), "", ""
    if rate_center.latitude is None or rate_center.longitude is None:
        same_code = Q(region=rate_center.region) & _shares_an_area_code(rate_center)
        return same_code, "with the same area code", ": distances are not known here"
    square = around(rate_center.latitude, rate_center.longitude, kilometres=KILOMETRES)
    near = square & Q(("kilometres__lte", KILOMETRES)) & _neighbours(rate_center)
    return near, f"within {KILOMETRES} km", ""


def _neighbours(rate_center: RateCenter) -> Q:
    """Local calling seldom crosses a state's border, but where an area code does, or where a state is one place."""
    region = rate_center.region
    only_here = ~Exists(RateCenter.objects.filter(region=region).exclude(pk=rate_center.pk))
    return Q(region=region) | _shares_an_area_code(rate_center) | Q(only_here)


def _shares_an_area_code(rate_center: RateCenter) -> Q:
    # Their digits as they are: what is cut out of a prefix has no index and no statistics.
    theirs = [Q(digits__startswith=f"1{code}") for code in rate_center.area_codes]
    return Q(pk__in=Prefix.objects.filter(reduce(or_, theirs, Q(pk__in=[]))).values("rate_center"))


def import_local_calling(file: IO[bytes], *, both_ways: bool = False, say: Callable[[str], Any] = str) -> int:
    """Add the pairs of a CSV file with the columns from and to ("Albany, NY"); returns how many are new.

    All or nothing: raises FileRefused with a line for each that cannot be read. ``say`` hears of the progress.
    """
    pairs: set[tuple[int, int]] = set()
    problems = []
    names = PlaceNames()
    for number, row in _rows(file):
        places = [names.find(cell) for cell in row]
        match places:
            case [int(here), int(there)] if here != there:
                pairs.add((here, there))
            case _:
                problems.append(f"Line {number}: {_problem(row, places)}")
        if number % 100_000 == 0:
            say(f"  {number:,} lines read")
    if problems:
        raise FileRefused(problems)
    if both_ways:
        pairs |= {(there, here) for here, there in pairs}
    return _save(sorted(pairs), say)


def _rows(file: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The number and the two cells of each line under the heading; empty lines are left out."""
    reader = csv.reader(codecs.iterdecode(file, "utf-8-sig"))
    try:
        heading = [cell.strip().lower() for cell in next(reader, [])]
        if heading != ["from", "to"]:
            raise FileRefused('The first line must be the heading "from,to". Add it, and load the file again.')
        for row in reader:
            if row:
                yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error):
        raise FileRefused("This is no CSV file in UTF-8. Save it as such, and load it again.") from None


def _problem(row: list[str], places: list[int | None]) -> str:
    if len(row) != 2:
        return 'two places are needed, in quotes: "Albany, NY","Troy, NY".'
    unknown = [f"“{name}”" for name, place in zip(row, places, strict=True) if place is None]
    return (
        f"there is no place {' and no place '.join(unknown)}." if unknown else f"“{row[0]}” is local to itself anyway."
    )


@transaction.atomic
def _save(pairs: list[tuple[int, int]], say: Callable[[str], Any]) -> int:
    before = LocalCalling.objects.count()
    for start in range(0, len(pairs), ROWS_A_STATEMENT):
        rows = (
            LocalCalling(rate_center_id=here, to_id=there) for here, there in pairs[start : start + ROWS_A_STATEMENT]
        )
        LocalCalling.objects.bulk_create(rows, ignore_conflicts=True)
        if start and start % 100_000 == 0:
            say(f"  {start:,} pairs saved")
    return LocalCalling.objects.count() - before
