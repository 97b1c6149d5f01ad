"""B8 on a few instances, with a pump in this process."""

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.db import connection

from bench import engine, triggers
from bench.chaos import flows
from bench.rounds import Clock
from tests.processes import environment
from workflows import pump
from workflows.intake import outside
from workflows.models import Event, Shard

__all__ = ["flows"]
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


@pytest.fixture
def few(running: None, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"ROUNDS": 1, "STEPS": 20, "CHAINS": 2, "WIDTHS": (3,), "PAYLOADS": 4, "TIMES": 2}
    for name, value in known.items():
        monkeypatch.setattr(engine, name, value)
    monkeypatch.setattr(engine, "pump", lambda _shard: nullcontext())


def test_a_long_instance_is_measured_beside_short_ones(few: None) -> None:
    (found,) = engine.by_length(Clock(60))
    assert (found.id, found.target, found.unit) == ("B9", "<= 1.3 x", "ms")
    assert found.against is not None
    assert min(found.ours, found.against) > 0
    assert Event.objects.filter(type="step_completed").count() == 10 + 2 * 20


def test_each_shape_is_recorded(few: None) -> None:
    found = {each.id: each for each in engine.by_shape(Clock(60))}
    assert list(found) == ["B10.fan_out_3", "B10.race_3", "B10.payload"]
    assert all(each.ours > 0 and each.target is None for each in found.values())


@pytest.mark.processes
def test_a_pump_is_a_process_that_ends_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(DATA_DIR=str(tmp_path)).items():
        monkeypatch.setenv(name, value)
    with engine.pump(0):
        assert engine.run("noop", b"{}", 2) < 30
    assert Shard.objects.get(index=0).owner == ""


def test_instances_that_nobody_runs_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "GIVE_UP_SECONDS", 0)
    with pytest.raises(TimeoutError, match="1 of 1"):
        engine.await_last([triggers.make(1)[0].id])
