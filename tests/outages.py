"""Stores that go away and come back: fixtures for the conftest of a room that needs them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, connections


@contextmanager
def _maintenance() -> Iterator[psycopg.Connection]:
    """Open a connection beside the test's database."""
    parameters = connection.get_connection_params() | {"dbname": "postgres", "autocommit": True}
    parameters = {
        name: value
        for name, value in parameters.items()
        if name in ("dbname", "host", "port", "user", "password", "autocommit")
    }
    with psycopg.connect(**parameters) as beside:
        yield beside


@pytest.fixture(autouse=True)
def patient_gate(settings) -> None:
    """Let the gate wait on a busy machine; what it does when Redis is slow is tested where the gate is."""
    settings.MOLLIFIER = {**settings.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000}


class Outage:
    """The test's database refuses every connection, and those that were open are ended."""

    def begin(self) -> None:
        name = connection.settings_dict["NAME"]
        with _maintenance() as beside:
            beside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            beside.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])

    def end(self) -> None:
        name = connection.settings_dict["NAME"]
        with _maintenance() as beside:
            beside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        connections.close_all()


@pytest.fixture
def outage(transactional_db) -> Iterator[Outage]:
    made = Outage()
    yield made
    made.end()
