"""What every test stands on; the servers themselves come from tests/servers.py."""

from collections.abc import Iterator

import pytest
from django_redis import get_redis_connection

from mollifier import telemetry
from tests.properties import lengths  # noqa: F401  registers the long profile before hypothesis looks for it
from workflows import registry
from workflows.intake import refresher


@pytest.fixture(autouse=True)
def _empty_redis() -> None:
    """Give each test an empty Redis, into which nothing comes from the test before."""
    telemetry.gate.forget()
    get_redis_connection("buffer").flushdb()


@pytest.fixture(autouse=True)
def _forget_directory() -> Iterator[None]:
    """Let each test load the directory of its own database at first use, and leave no thread that refreshes it."""
    refresher.forget()
    yield
    refresher.forget()


@pytest.fixture
def own_workflows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register workflows that no other sees."""
    monkeypatch.setattr(registry, "_known", dict(registry._known))
    monkeypatch.setattr(registry, "_latest", dict(registry._latest))
