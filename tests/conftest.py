"""What every test stands on; the servers themselves come from tests/servers.py."""

from collections.abc import Iterator

import pytest
from django.core.management.commands import flush
from django_redis import get_redis_connection
from pytest_django import DjangoDbBlocker

from mollifier import telemetry
from tests import migrated
from tests.properties import lengths  # noqa: F401  registers the long profile before hypothesis looks for it
from workflows import registry
from workflows.intake import refresher


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Have a flush put back what the migrations left, instead of telling every app that it was migrated."""
    with django_db_blocker.unblock():
        put_back = migrated.keep()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "emit_post_migrate_signal", put_back)
        yield


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
