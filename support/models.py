"""Trouble tickets and the FAQ."""
