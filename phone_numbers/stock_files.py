"""Reads a CSV file of numbers: which number each line means, and where it belongs."""

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from io import StringIO

from phone_numbers.formats import national
from phone_numbers.models import Prefix, RateCenter
from phone_numbers.place_names import PlaceNames
from phone_numbers.places_of_numbers import Prefixes, calling_code, why_not_at

COLUMNS = ["number", "area"]
# What people write between digits; the last three are a hyphen, a dash and a space that do not break.
SIGNS = str.maketrans("", "", " \t()./-\u2011\u2013\u00a0")
NORTH_AMERICAN = re.compile(r"1[2-9]\d\d[2-9]\d{6}")
ELSEWHERE = re.compile(r"[2-9]\d{6,14}")


class BadLine(Exception):
    """A line that cannot be loaded, and why."""


class BadFile(Exception):
    """A file that cannot be read at all: the line it stops at, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True)
class Row:
    line: int
    digits: str
    rate_center: int


def digits_of(text: str) -> str:
    """The digits, with the country's code, of a number as people write it: (518) 555-0100, +44 20 7946 0000.

    Without a plus sign it is North American.
    """
    typed = text.translate(SIGNS)
    digits = typed.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise BadLine(f"“{text}” is not a phone number.")
    if not typed.startswith("+"):
        digits = digits if digits.startswith("1") else f"1{digits}"
    if digits.startswith("1777"):
        raise BadLine(f"{text} begins with 1777: that is an account, not a phone number.")
    if NORTH_AMERICAN.fullmatch(digits):
        return digits
    if not typed.startswith("+"):
        raise BadLine(f"{text} is not a North American number. Write others with + and the country's code.")
    if not ELSEWHERE.fullmatch(digits) or not calling_code(digits):
        raise BadLine(f"{text} is not a phone number of any country.")
    return digits


class Places:
    """The places we know, by name and by prefix, read once for a whole file."""

    def __init__(self) -> None:
        self._places = RateCenter.objects.select_related("region").in_bulk()
        rows = Prefix.objects.values_list("digits", "rate_center")
        self._prefixes = Prefixes((digits, self._places[place]) for digits, place in rows)
        self._called = cache(PlaceNames().find)

    def find(self, digits: str, area: str) -> int:
        """Where the number belongs: in the ``area`` that is named, else where its longest known prefix is."""
        if area:
            return self._named(digits, area)
        place = self._prefixes.place_of(digits)
        if place is None:
            raise BadLine(f"We do not know where {national(digits)} is. Name its area in a column “area”.")
        return place.pk

    def _named(self, digits: str, area: str) -> int:
        place = self._called(area)
        if place is None:
            raise BadLine(f"We know no area “{area}”. Name it with its state, province or country: Albany, NY.")
        if problem := why_not_at(self._places[place], digits=digits, prefixes=self._prefixes):
            raise BadLine(problem)
        return place


def rows_of(content: bytes, *, places: Places, problem: Callable[[int, str], None]) -> Iterator[Row]:
    """The numbers of the file, each with its place; tells ``problem`` of every line that is not one.

    Raises BadFile where the file cannot be read. Asks the database nothing: a COPY may be going on.
    """
    text = _text_of(content)
    lines = csv.reader(StringIO(text, newline=""), delimiter=_delimiter_of(text), strict=True)
    try:
        columns = _columns_of(next(lines))
        for fields in lines:
            if any(field.strip() for field in fields):
                try:
                    yield _row(lines.line_num, columns, fields, places)
                except BadLine as bad:
                    problem(lines.line_num, str(bad))
    except csv.Error as error:
        raise BadFile(lines.line_num, f"The file cannot be read from here on ({error}). Look for quotes.") from error


def _row(line: int, columns: list[str], fields: list[str], places: Places) -> Row:
    if len(fields) > len(columns):
        raise BadLine(
            f"This line has {len(fields)} fields, the first has {len(columns)}. "
            "Put quotes around an area that has a comma in it."
        )
    values = dict(zip(columns, (field.strip() for field in fields), strict=False))
    digits = digits_of(values.get("number", ""))
    return Row(line, digits, places.find(digits, values.get("area", "")))


def _text_of(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile(line, "This is not UTF-8. Save the file as “CSV UTF-8” and load it again.") from error
    # Not the bytes: an empty sheet may be saved as the mark of UTF-8 alone.
    if not text.strip():
        raise BadFile(1, "The file is empty.")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadFile(line, "There is a NUL byte. Save the file as “CSV UTF-8” and load it again.")
    return text


def _delimiter_of(text: str) -> str:
    """A comma, or the semicolon that spreadsheets write in countries with a decimal comma."""
    return ";" if ";" in text.partition("\n")[0] else ","


def _columns_of(header: list[str]) -> list[str]:
    columns = [name.strip().casefold() for name in header]
    if "number" not in columns:
        raise BadFile(1, "The first line must name the columns: number and, if you like, area.")
    for name in columns:
        if name not in COLUMNS or columns.count(name) > 1:
            raise BadFile(1, f"There is a column “{name}” too many. The columns are number and, if you like, area.")
    return columns
