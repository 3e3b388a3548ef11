"""Places, the stock of numbers, and files of numbers, as staff see them."""

from phone_numbers.admin import numbers, places, stock_loads

__all__ = ["numbers", "places", "stock_loads"]
