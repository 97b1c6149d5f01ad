"""Stores that go away, and definitions, for tests of the way in."""

from tests.declared import actions, forgotten
from tests.nowhere import no_redis
from tests.outages import outage, patient_gate
from tests.workflows.conftest import flow

__all__ = ["actions", "flow", "forgotten", "no_redis", "outage", "patient_gate"]
