"""A Redis that is not there, for tests of what people see then."""

import socket
from collections.abc import Iterator

import pytest

from mollifier import gate


@pytest.fixture
def no_redis(settings) -> Iterator[None]:
    """Point every connection at a port where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{closed.getsockname()[1]}/0"
        settings.CACHES = {
            alias: {**cache, "LOCATION": f"{address}?client_name={alias}-nowhere"}
            for alias, cache in settings.CACHES.items()
        }
        yield
    gate.breaker.succeeded()
