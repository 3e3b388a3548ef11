"""Locations, coverage and the stock of numbers."""
