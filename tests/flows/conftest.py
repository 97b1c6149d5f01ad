"""Stores that go away, for tests from end to end."""

from tests.outages import outage, patient_gate

__all__ = ["outage", "patient_gate"]
