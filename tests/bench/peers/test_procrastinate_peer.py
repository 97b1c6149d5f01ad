"""Procrastinate as the benchmark has it, on a database of this run's server."""

import pytest

from bench import jobs
from tests.bench.peers.queues import stores_of


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_what_it_is_sent_is_done_by_its_workers() -> None:
    with stores_of("procrastinate") as stores, jobs.running("procrastinate", stores) as peer:
        assert peer.name.startswith("Procrastinate 3.")
        for batch in (1, 2):
            took = peer.ask("run", jobs=4, batch=batch)
            assert took["sent"] > 0
            assert took["done"] > 0


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_it_starts_again_on_tables_that_it_made() -> None:
    with stores_of("procrastinate") as stores:
        for _ in range(2):
            with jobs.running("procrastinate", stores) as peer:
                assert peer.ask("run", jobs=1, batch=1)["done"] > 0
