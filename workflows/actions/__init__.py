"""Stands in for the registered actions until they land."""
