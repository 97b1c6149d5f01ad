"""Filters and tags of the operator pages."""
