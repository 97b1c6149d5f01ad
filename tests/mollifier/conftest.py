"""The gate's state in this process starts anew with each test."""

import pytest

from mollifier import gate
from tests.nowhere import no_redis  # noqa: F401


@pytest.fixture(autouse=True)
def _fresh_gate() -> None:
    gate.breaker.succeeded()
