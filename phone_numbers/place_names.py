"""Finds many places by what files call them: Albany, NY; Saint Louis, Missouri; Cork, Ireland; Toll-free."""

from phone_numbers.models import RateCenter
from phone_numbers.towns import spelled_alike


class PlaceNames:
    """All places by name and region, read once: a file of a hundred thousand lines asks for each of them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], int] = {}
        # States and provinces first: "DE" after a comma is Delaware, and Germany only where Delaware has no such place.
        for place in RateCenter.objects.select_related("region").order_by("region__country", "pk"):
            self._add(place, spelled_alike(str(place).rpartition(", ")[2] if not place.is_toll_free else ""))
            self._add(place, spelled_alike(place.region.name))
        for place in RateCenter.objects.select_related("region").order_by("pk"):
            self._add(place, spelled_alike(place.region.code))

    def find(self, text: str) -> int | None:
        """The id of the place that ``text`` names; None where there is none."""
        name, _, region = text.rpartition(",") if "," in text else (text, "", "")
        return self._found.get((spelled_alike(name), spelled_alike(region)))

    def _add(self, place: RateCenter, region: str) -> None:
        self._found.setdefault((spelled_alike(place.name), region), place.pk)
