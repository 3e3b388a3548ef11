"""Writes down, for staff, what was searched for and is in no answer."""

import re
import unicodedata
from datetime import datetime

from django.db import connection

# Beyond these many no new text is written down: staff have enough to do, and nobody fills the disk.
MOST = 5_000
LONGEST = 80
# One statement, so that the same search at the same moment is counted twice.
COUNTED = """
    INSERT INTO support_missedsearch AS missed (text, times, last_at, showed_some)
    SELECT %(text)s, 1, %(now)s, %(showed_some)s
    WHERE (SELECT count(*) FROM support_missedsearch) < %(most)s
        OR EXISTS (SELECT FROM support_missedsearch WHERE text = %(text)s)
    ON CONFLICT (text) DO UPDATE
    SET times = missed.times + 1, last_at = excluded.last_at, showed_some = excluded.showed_some
"""


def write_down(text: str, *, showed_some: bool, now: datetime) -> None:
    """Count one more search for ``text``; nothing of what may name somebody: addresses, numbers, long texts."""
    plain = _plain(text)
    if not _is_for_staff(plain):
        return
    with connection.cursor() as cursor:
        cursor.execute(COUNTED, {"text": plain, "now": now, "showed_some": showed_some, "most": MOST})


def _plain(text: str) -> str:
    """The same for all ways of writing it: 'Fax  Number?' is 'fax number'."""
    words = re.sub(r"[^\w@'’+-]+", " ", unicodedata.normalize("NFKC", text).lower())
    return words.strip(" '’-")


def _is_for_staff(plain: str) -> bool:
    has_letters = re.search(r"[^\W\d_]{2}", plain)
    # E-mail addresses and phone numbers, however they are grouped.
    names_somebody = "@" in plain or re.search(r"\d([ +-]?\d){4}", plain)
    return bool(len(plain) <= LONGEST and has_letters and not names_somebody)
