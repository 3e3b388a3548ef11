"""Reads what somebody types into the search box of the coverage tool."""

import re
import unicodedata
from dataclasses import dataclass

from callcentric.errors import Refused

# The longest number there is, with its country's code (ITU-T E.164), and one of North America without it.
LONGEST, LONGEST_HERE = 15, 10

_ENDING = re.compile(r"(?:(?:ends|ending)(?: (?:in|with))? |…|\.\.+|\*)\s*(.+)", re.IGNORECASE)
_DIGITS = re.compile(r"\+?[\d\s()./-]*")
_ZIP_CODE = re.compile(r"(\d{5})(-\d{4})?")
_POSTAL_CODE = re.compile(r"[A-Z]\d[A-Z]( ?\d[A-Z]\d)?", re.IGNORECASE)
_LETTER_AMONG_DIGITS = re.compile(r"\d[^\W\d_]|[^\W\d_]\d|\d-[^\W\d_]")


class Unclear(Refused):
    """What was typed is neither a place nor digits of a number."""


@dataclass(frozen=True)
class Question:
    """What is asked for: a place by its name or ZIP code or, where ``digits`` or ``ending`` are there, numbers."""

    text: str
    # The first digits of a number, with the country's code and without the plus sign.
    digits: str = ""
    # The last digits of a number.
    ending: str = ""
    # Five digits that may be a ZIP code.
    zip_code: str = ""

    @property
    def is_name(self) -> bool:
        return not (self.digits or self.ending)

    @property
    def area_code(self) -> str:
        """North America only."""
        return self.digits[1:4] if self.digits.startswith("1") else ""


def understand(text: str) -> Question:
    """Read "Albany, NY", "718", "718-555", "(718) 555-0100", "+44 20", "12207" or "ends 0142".

    Raises Unclear, with what to type instead.
    """
    # Digits as other scripts write them are digits too.
    text = re.sub(r"\d", lambda digit: str(unicodedata.digit(digit[0])), " ".join(text.split()))
    ending = _ENDING.fullmatch(text)
    if ending:
        return Question(text, ending=_ending(ending[1]))
    zip_code = _ZIP_CODE.fullmatch(text)
    if zip_code:
        # Half of them might be an area code and two digits more.
        return Question(text, digits=f"1{zip_code[1]}" if text[0] not in "01" else "", zip_code=zip_code[1])
    if _DIGITS.fullmatch(text):
        return Question(text, digits=_first_digits(text))
    if _POSTAL_CODE.fullmatch(text):
        raise Unclear("We look up ZIP codes of the US only. For a place in Canada, type its name or its area code.")
    if _LETTER_AMONG_DIGITS.search(text):
        raise Unclear("A number is searched by digits alone: type 718-555, without letters.")
    return Question(text)


def _ending(typed: str) -> str:
    digits = re.sub(r"[\s()./-]", "", typed)
    if not (digits.isascii() and digits.isdigit()):
        raise Unclear("A number ends in digits: type “ends 0142”, without letters.")
    if not 2 <= len(digits) <= LONGEST_HERE:
        raise Unclear("Type two to ten digits that the number should end in, such as “ends 0142”.")
    return digits


def _first_digits(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    if text.startswith("+") and not digits.startswith("1"):
        if not 1 <= len(digits) <= LONGEST or digits[0] == "0":
            raise Unclear("After the + comes the country's code: +44 20.")
        return digits
    if text.startswith("00"):
        raise Unclear("Type + and the country's code for another country: +44 20.")
    # No area code begins with 1: it is the country's.
    here = digits.removeprefix("1")
    if not 3 <= len(here) <= LONGEST_HERE:
        raise Unclear("Type an area code of three digits, or up to ten digits of a number: 718 or 718-555-0100.")
    if here[0] in "01":
        raise Unclear("No area code begins with 0 or 1. For another country, begin with + and its code: +44 20.")
    return f"1{here}"
