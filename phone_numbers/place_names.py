"""Finds many places by what files call them: Albany, NY; Saint Louis, Missouri; Cork, Ireland; Toll-free."""

from phone_numbers.models import RateCenter
from phone_numbers.towns import spelled_alike


class PlaceNames:
    """All places by name and region, read once: a file of a hundred thousand lines asks for each of them."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], int] = {}
        rows = list(
            RateCenter.objects.order_by("pk").values_list(
                "pk", "name", "is_toll_free", "region__country", "region__code", "region__name"
            )
        )
        # States and provinces first: "DE" is Delaware, and Germany only where Delaware has no such place.
        rows.sort(key=lambda row: row[3] == row[4])
        for pk, name, is_toll_free, _, *region in rows:
            for called in ["", *region] if is_toll_free else region:
                self._found.setdefault((spelled_alike(name), spelled_alike(called)), pk)

    def find(self, text: str) -> int | None:
        """The id of the place that ``text`` names; None where there is none."""
        if "\0" in text:
            return None
        name, _, region = text.partition(",")
        return self._found.get((spelled_alike(name), spelled_alike(region)))
