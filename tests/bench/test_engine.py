"""B8 on a few instances, with a pump in this process."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from bench import engine, triggers
from workflows import pump
from workflows.intake import outside

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running() -> Iterator[None]:
    stop = threading.Event()

    def run() -> None:
        pump.run(0, stop.is_set, outside)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_a_rate_is_taken_when_the_last_instance_has_completed(running: None) -> None:
    assert 0 < engine.run("steps", b'{"n":2}', 5) < 30
    assert engine.latency_ms(2) > 0


def test_instances_that_nobody_runs_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "GIVE_UP_SECONDS", 0)
    with pytest.raises(TimeoutError, match="1 of 1"):
        engine.await_last([triggers.make(1)[0].id])
