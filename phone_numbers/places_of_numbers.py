"""Says whether a number can belong to a place: by its country, and by the prefixes that we know."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Self

from django.db.models import Q
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from phone_numbers.formats import national
from phone_numbers.models import Prefix, RateCenter


class Prefixes:
    """Prefixes, and the place that each belongs to, with its region."""

    def __init__(self, prefixes: Iterable[tuple[str, RateCenter]]) -> None:
        self._places = dict(prefixes)
        self._lengths = sorted({len(digits) for digits in self._places}, reverse=True)
        self._of_place = defaultdict(list)
        for digits, place in self._places.items():
            self._of_place[place.pk].append(digits)

    @classmethod
    def about(cls, digits: str, place: RateCenter) -> Self:
        """Those that one number and one place need, by one query."""
        beginnings = [digits[:length] for length in range(1, len(digits) + 1)]
        found = Prefix.objects.filter(Q(digits__in=beginnings) | Q(rate_center=place))
        return cls((prefix.digits, prefix.rate_center) for prefix in found.select_related("rate_center__region"))

    def longest(self, digits: str) -> str:
        """The longest that ``digits`` begin with; empty where none is known."""
        beginnings = (digits[:length] for length in self._lengths)
        return next((beginning for beginning in beginnings if beginning in self._places), "")

    def place_of(self, digits: str) -> RateCenter | None:
        """The place that the longest known prefix belongs to."""
        return self._places.get(self.longest(digits))

    def has_within(self, place: RateCenter, digits: str) -> bool:
        """Whether the place has a prefix that begins with ``digits``."""
        return any(prefix.startswith(digits) for prefix in self._of_place.get(place.pk, ()))


def why_not_at(place: RateCenter, *, digits: str, prefixes: Prefixes | None = None) -> str:
    """Why the number cannot belong to ``place``, worded for staff; empty where it can. ``prefixes``: if at hand.

    Where we know no prefix of it, the word of staff stands. So it does for a place that shares a whole area code with
    the place that has this as its prefix: a new exchange may be either's.
    """
    if not is_of_country(digits, str(place.region.country)):
        return f"{national(digits)} is not a number of the country that {place} is in."
    prefixes = prefixes or Prefixes.about(digits, place)
    owner = prefixes.place_of(digits)
    if place.is_toll_free and not (owner and owner.is_toll_free):
        return f"{national(digits)} is not a toll-free number." + (f" It is one of {owner}." if owner else "")
    if owner is None or prefixes.has_within(place, prefixes.longest(digits)):
        return ""
    if owner.is_toll_free:
        return f"{national(digits)} is a toll-free number, and not one of {place}."
    return f"{national(digits)} is a number of {owner}, and not of {place}."


def calling_code(digits: str) -> int:
    """The calling code that ``digits`` begin with; 0 where no country has it."""
    codes = (int(digits[:length]) for length in (1, 2, 3))
    return next((code for code in codes if code in COUNTRY_CODE_TO_REGION_CODE), 0)


def is_of_country(digits: str, country: str) -> bool:
    """Whether the number begins with the calling code of ``country``."""
    return country in COUNTRY_CODE_TO_REGION_CODE[calling_code(digits)]
