"""What a username and a name may be, and how a 1777 number is recognised in what somebody typed."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator

NUMBER_PATTERN = r"^1777\d{7}$"
# PostgreSQL reads this one too: it keeps the same rule as a constraint.
USERNAME_PATTERN = r"^[a-z0-9._+-]+$"
# The same eleven digits, with whatever a username may have between them.
NUMBER_IN_DISGUISE = r"^[._+-]*1[._+-]*7[._+-]*7[._+-]*7([._+-]*\d){7}[._+-]*$"
# How people write phone numbers: 1777-123-4567, (1777) 123 4567, +1.777.123.4567.
PUNCTUATION = re.compile(r"[\s().+_-]+")
# What draws nothing although Unicode does not say so: Hangul fillers, the blank of Braille and others.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def account_number_from(typed: str) -> str | None:
    """The 1777 number that ``typed`` is, however it is punctuated; None for anything else."""
    digits = PUNCTUATION.sub("", typed)
    return digits if re.fullmatch(r"1777[0-9]{7}", digits) else None


def looks_like_account_number(text: str) -> bool:
    """Whether ``text`` could be a 1777 number; such a name is never given to a user."""
    return account_number_from(text) is not None


def no_account_number(username: str) -> None:
    if looks_like_account_number(username):
        raise ValidationError(
            "A username cannot look like a 1777 number. Choose another one.", code="looks_like_account_number"
        )


def one_line(text: str) -> None:
    """Refuse line breaks and other control characters: names end up in the headers of e-mails."""
    if any(ord(letter) < 32 or ord(letter) in (127, 0x2028, 0x2029) for letter in text):
        raise ValidationError("Write this in one line.", code="one_line")


# ACCOUNT_USERNAME_VALIDATORS wants a list by this name.
username_validators: list[Callable[[Any], None]] = [
    MinLengthValidator(3, "Choose a username of at least three characters."),
    RegexValidator(
        USERNAME_PATTERN.replace("$", r"\Z"),
        "Use letters, digits and . _ - + only, without spaces and without @.",
        code="invalid_username",
    ),
    no_account_number,
]


def visible(text: str) -> None:
    """Refuse what shows nothing, such as zero-width letters alone: nobody could click it or answer it."""
    # Marks (M…) stand on something; separators (Z…) and control, format and unassigned letters (C…) are not seen.
    if not any(unicodedata.category(letter)[0] not in "MZC" and letter not in _BLANK for letter in text):
        raise ValidationError("There is nothing to be read in this. Write it in words.", code="visible")
