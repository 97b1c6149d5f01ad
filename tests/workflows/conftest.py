"""What the tests of the pump share."""

import pytest

from workflows import registry
from workflows.registry import workflow


@pytest.fixture
def flow(monkeypatch):
    """Register a function as the workflow `flow`, for this test alone."""
    monkeypatch.setattr(registry, "_known", dict(registry._known))
    monkeypatch.setattr(registry, "_latest", dict(registry._latest))
    return workflow("flow")
