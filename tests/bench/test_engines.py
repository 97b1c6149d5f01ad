"""B8 on a few instances: ours beside peers that are asked, gone, or were never there."""

from contextlib import contextmanager, nullcontext

import pytest

from bench import engine, engines
from bench.engines import COMPARISONS, DBOS, TEMPORAL, Field
from bench.peers.asking import NotMeasured
from bench.rounds import Clock


class Scripted:
    """A peer that takes a second for everything, until it has been asked so often."""

    name = "a peer"

    def __init__(self, answers: int) -> None:
        self.answers = answers

    def ask(self, figure: str, **given: object) -> float:
        self.answers -= 1
        if self.answers < 0:
            raise NotMeasured("it has gone")
        return 1.0


@pytest.fixture
def field(monkeypatch: pytest.MonkeyPatch) -> Field:
    made = Field({DBOS: Scripted(1_000)}, {TEMPORAL: "no server"})  # type: ignore[dict-item]

    @contextmanager
    def given():
        yield made

    monkeypatch.setattr(engines, "peers", given)
    monkeypatch.setattr(engines, "ROUNDS", 2)
    monkeypatch.setattr(engines, "OURS", {name: lambda: 50.0 for name in engines.OURS})
    monkeypatch.setattr(engine, "pump", lambda _shard: nullcontext())
    monkeypatch.setattr(engine, "run", lambda *_: 1.0)
    return made


def test_each_figure_of_ours_stands_beside_the_peers_in_one_unit(field: Field) -> None:
    found = {each.id: each for each in engines.rates(Clock(60))}
    assert list(found) == [each.id for each in COMPARISONS]
    many = found["B8.200x10"]
    assert (many.ours, many.against, many.target, many.met) == (50, 2_000, ">= 20 x", False)
    assert many.note == "against a peer"
    assert (found["B8.empty"].against, found["B8.empty"].unit) == (1.0, "ms")
    assert len(many.samples.ours) == len(many.samples.against) == 2


def test_a_peer_that_was_not_measured_is_shown_with_the_reason(field: Field) -> None:
    found = {each.id: each for each in engines.rates(Clock(60))}["B8.200x10_temporal"]
    assert (found.ours, found.against, found.ratio, found.met) == (50, None, None, None)
    assert found.note == "Temporal not measured: no server"


def test_a_peer_that_goes_away_has_no_figure_at_all(field: Field) -> None:
    field.running[DBOS] = Scripted(5)  # type: ignore[assignment]
    found = {each.id: each for each in engines.rates(Clock(60))}["B8.200x10"]
    assert (found.against, found.met, found.note) == (None, None, "DBOS not measured: it has gone")


def test_a_peers_database_is_another_one_on_our_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me:x@127.0.0.1:5/mollifier")
    assert engines.database("dbos") == "postgres://me:x@127.0.0.1:5/dbos"


def test_peers_that_can_not_be_started_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def absent(name: str, *_arguments: str):
        raise NotMeasured(f"no {name}")
        yield

    monkeypatch.setattr(engines.asking, "peer", absent)
    with engines.peers() as found:
        assert (found.running, found.absent) == ({}, {DBOS: "no dbos", TEMPORAL: "no temporal"})
