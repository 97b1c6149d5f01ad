"""What the tests of outbound requests share."""

import pytest

from tests import outside as servers


@pytest.fixture
def outside():
    with servers.serve() as server:
        yield server


@pytest.fixture
def allow(settings):
    """Let requests go where the guard would not, as an operator does."""

    def set_(line: str, **more: object) -> None:
        settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": line, **more}

    return set_
