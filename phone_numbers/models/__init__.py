"""Places, the stock of numbers, and the orders that wait for one."""

from phone_numbers.models.back_orders import BackOrder
from phone_numbers.models.coverage_loads import CoverageLoad
from phone_numbers.models.numbers import PhoneNumber
from phone_numbers.models.places import (
    LocalCalling,
    Offering,
    Prefix,
    RateCenter,
    RateCenterQuerySet,
    Region,
    StockChange,
    WaitTime,
    regions_with_available,
    regions_with_places,
)
from phone_numbers.models.stock_loads import StockLoad

__all__ = [
    "BackOrder",
    "CoverageLoad",
    "LocalCalling",
    "Offering",
    "PhoneNumber",
    "Prefix",
    "RateCenter",
    "RateCenterQuerySet",
    "Region",
    "StockChange",
    "StockLoad",
    "WaitTime",
    "regions_with_available",
    "regions_with_places",
]
