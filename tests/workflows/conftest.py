"""What the tests of the pump share."""

import pytest

from workflows.registry import workflow


@pytest.fixture
def flow(own_workflows):
    """Register a function as the workflow `flow`, for this test alone."""
    return workflow("flow")
