"""Draws the map of the coverage page: a square for each state and province, coloured by what is in stock there."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from phone_numbers.coverage import BANDS, Band, band
from phone_numbers.models import Region

# In the units of the drawing; a square and the gap after it.
STEP, SQUARE = 40, 37


@dataclass(frozen=True)
class Tile:
    """The square of a region, and where it lies in the drawing: as text, because templates write figures slowly."""

    region: Region
    x: str
    y: str

    @property
    def band(self) -> Band:
        return band(self.region.available)

    @property
    def label(self) -> str:
        return f"{self.region}: {self.band}" + (" in stock" if self.region.available else "")


@dataclass(frozen=True)
class Map:
    tiles: list[Tile]
    # Regions without a square: other countries, and toll-free.
    others: list[Region]
    width: int
    height: int
    square: str = str(SQUARE)
    half: str = str(SQUARE / 2)
    # What the colours mean.
    bands: tuple[Band, ...] = BANDS


def drawn(regions: Iterable[Region]) -> Map:
    """The map of ``regions``, which know what is available in them (regions_with_available)."""
    by_key = {region.key: region for region in regions}
    squares = _squares()
    return Map(
        [
            Tile(by_key[key], str(column * STEP), str(row * STEP))
            for key, (column, row) in squares.items()
            if key in by_key
        ],
        [region for key, region in by_key.items() if key not in squares],
        width=max(column for column, _ in squares.values()) * STEP + SQUARE + 4,
        height=max(row for _, row in squares.values()) * STEP + SQUARE + 4,
    )


@cache
def _squares() -> dict[str, tuple[int, int]]:
    """In which column and row each region's square is."""
    drawings = tomllib.loads(Path(__file__).with_name("map.toml").read_text())
    rows = [(country, line.split()) for country, lines in drawings.items() for line in lines["rows"].splitlines()]
    return {
        f"{country}-{code}": (column, row)
        for row, (country, codes) in enumerate(rows)
        for column, code in enumerate(codes)
        if code != "."
    }
