"""Stress processes that a test starts find this test's servers, and the workflows under stress."""

import pytest

from bench.chaos import flows
from tests.processes import environment

__all__ = ["flows"]


@pytest.fixture
def for_processes(transactional_db, monkeypatch, tmp_path) -> None:
    made = environment(EXTRA_APPS="bench.chaos", MOLLIFIER_EXCHANGE_TIMEOUT_MS="5000", WORKFLOWS_LEASE_MS="1000")
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
