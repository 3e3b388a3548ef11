"""Distances between places, counted by the database."""

from math import cos, radians

from django.db.models import FloatField, Q
from django.db.models.expressions import RawSQL

# A degree of latitude is nowhere shorter.
KILOMETRES_A_DEGREE = 110.5


def kilometres_from(latitude: float | None, longitude: float | None) -> RawSQL:
    """How far the coordinates of a rate centre are from here (haversine); NULL where one of them is not known."""
    # In SQL, because a page waits for it: built from Django's functions it takes longer to write than to run.
    return RawSQL(HAVERSINE, [latitude, latitude, longitude], output_field=FloatField())  # noqa: S611 (constant)


# No least(1, …) around the root: of 1 and NULL it takes 1. Only places on opposite sides of the earth could need it.
HAVERSINE = """
2 * 6371 * asin(sqrt(
    power(sin(radians(phone_numbers_ratecenter.latitude - %s::float8) / 2), 2)
    + cos(radians(%s::float8)) * cos(radians(phone_numbers_ratecenter.latitude))
    * power(sin(radians(phone_numbers_ratecenter.longitude - %s::float8) / 2), 2)
))
"""


def around(latitude: float, longitude: float, *, kilometres: float) -> Q:
    """Rows in the square that holds everything so near: quick to find, before distances are counted."""
    up = kilometres / KILOMETRES_A_DEGREE
    over = up / max(cos(radians(latitude)), 0.01)
    return Q(latitude__range=(latitude - up, latitude + up), longitude__range=(longitude - over, longitude + over))
