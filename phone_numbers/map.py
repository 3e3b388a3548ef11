"""Draws the map of the coverage page: a square for each state and province, coloured by what is in stock there."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.html import format_html
from django.utils.safestring import SafeString

from phone_numbers.coverage import BANDS, Band, band
from phone_numbers.models import Region

# In the units of the drawing; a square and the gap after it.
STEP, SQUARE = 40, 37


@dataclass(frozen=True)
class Tile:
    """A region on the map: its square, where it leads, and what is in stock there."""

    key: str
    band: Band
    label: str
    square: SafeString


@dataclass(frozen=True)
class Map:
    tiles: list[Tile]
    # Regions without a square: other countries, and toll-free.
    others: list[Region]
    width: int
    height: int
    # What the colours mean.
    bands: tuple[Band, ...] = BANDS


def drawn(regions: Iterable[Region]) -> Map:
    """The map of ``regions``, which know what is available in them (regions_with_available)."""
    by_key = {region.key: region for region in regions}
    squares = _squares()
    return Map(
        [_tile(by_key[key], square) for key, square in _drawn_squares().items() if key in by_key],
        [region for key, region in by_key.items() if key not in squares],
        width=max(column for column, _ in squares.values()) * STEP + SQUARE + 4,
        height=max(row for _, row in squares.values()) * STEP + SQUARE + 4,
    )


def _tile(region: Region, square: SafeString) -> Tile:
    stock = band(region.available)
    label = f"{region.name}: {stock.words}" + (" in stock" if region.available else "")
    return Tile(region.key, stock, label, square)


# Made once: where a region lies changes with the code alone, and templates write figures slowly.
@cache
def _drawn_squares() -> dict[str, SafeString]:
    """Each region's square with its code in the middle."""
    middle = f'dx="{SQUARE / 2}" dy="{SQUARE / 2}" text-anchor="middle" dominant-baseline="central" aria-hidden="true"'
    square = f"""
        <rect x="{{x}}" y="{{y}}" width="{SQUARE}" height="{SQUARE}" rx="5"/>
        <text x="{{x}}" y="{{y}}" {middle}>{{code}}</text>
    """
    return {
        key: format_html(square, x=column * STEP, y=row * STEP, code=key.partition("-")[2])
        for key, (column, row) in _squares().items()
    }


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
