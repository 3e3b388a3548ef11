"""What a subject and a text must have."""

import unicodedata

from django.core.exceptions import ValidationError

# What draws nothing although Unicode does not say so: Hangul fillers, the blank of Braille and others.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def visible(text: str) -> None:
    """Refuse what shows nothing, such as zero-width letters alone: nobody could click it or answer it."""
    # Marks (M…) stand on something; separators (Z…) and control, format and unassigned letters (C…) are not seen.
    if not any(unicodedata.category(letter)[0] not in "MZC" and letter not in _BLANK for letter in text):
        raise ValidationError("There is nothing to be read in this. Write it in words.", code="visible")
