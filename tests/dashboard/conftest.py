"""Each test of the pages sees numbers of its own."""

import pytest

from dashboard.queries import shared
from tests.nowhere import no_redis

__all__ = ["no_redis"]


@pytest.fixture(autouse=True)
def _forget_snapshot() -> None:
    shared.forget()
