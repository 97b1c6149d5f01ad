"""Workflows to try the service with."""
