"""Stores that go away, for tests of the way in."""

from tests.nowhere import no_redis
from tests.outages import outage, patient_gate

__all__ = ["no_redis", "outage", "patient_gate"]
