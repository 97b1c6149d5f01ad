"""Celery as the benchmark has it, on this run's Redis."""

import pytest

from bench import jobs
from tests.bench.peers.queues import stores_of


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_what_it_is_sent_is_done_by_its_workers() -> None:
    with stores_of("celery") as stores, jobs.running("celery", stores) as peer:
        assert peer.name.startswith("Celery 5")
        for batch in (1, 2):
            took = peer.ask("run", jobs=4, batch=batch)
            assert took["sent"] > 0
            assert took["done"] > 0
