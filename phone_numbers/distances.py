"""Distances between places, counted by the database."""

from math import cos, radians

from django.db.models import Expression, F, FloatField, Q
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt

EARTH = 6371.0
# A degree of latitude is nowhere shorter.
KILOMETRES_A_DEGREE = 110.5


def kilometres_from(latitude: float, longitude: float) -> Expression:
    """How far a row's coordinates are from here (haversine); NULL where it has none."""
    half_up = Sin(Radians(F("latitude") - latitude) / 2.0)
    half_over = Sin(Radians(F("longitude") - longitude) / 2.0)
    square = Power(half_up, 2) + cos(radians(latitude)) * Cos(Radians(F("latitude"))) * Power(half_over, 2)
    return 2 * EARTH * ASin(Least(Sqrt(square, output_field=FloatField()), 1.0))


def around(latitude: float, longitude: float, *, kilometres: float) -> Q:
    """Rows in the square that holds everything so near: quick to find, before distances are counted."""
    up = kilometres / KILOMETRES_A_DEGREE
    over = up / max(cos(radians(latitude)), 0.01)
    return Q(latitude__range=(latitude - up, latitude + up), longitude__range=(longitude - over, longitude + over))
