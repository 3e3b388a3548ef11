"""The time zones to choose from."""

from functools import lru_cache
from itertools import groupby
from zoneinfo import available_timezones

DEFAULT = "America/New_York"
REGIONS = frozenset(
    {
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    }
)


@lru_cache(maxsize=1)
def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every zone named after a place, by region; and UTC."""
    names = sorted(name for name in available_timezones() if name.split("/")[0] in REGIONS and "/" in name)
    regions = groupby(names, key=lambda name: name.split("/")[0])
    named = [(region, [(name, _place(name)) for name in zones]) for region, zones in regions]
    return [*named, ("Other", [("UTC", "UTC")])]


def _place(name: str) -> str:
    return name.split("/", 1)[1].replace("_", " ").replace("/", ", ")
