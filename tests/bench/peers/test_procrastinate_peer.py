"""Procrastinate as the benchmark has it, on a database of this run's server."""

import pytest

from tests.bench.peers.queues import queue


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_what_it_is_sent_is_done_by_its_workers() -> None:
    with queue("procrastinate") as peer:
        assert peer.name.startswith("Procrastinate 3.")
        for batch in (1, 2):
            took = peer.ask("run", jobs=4, batch=batch)
            assert took["sent"] > 0
            assert took["done"] > 0
