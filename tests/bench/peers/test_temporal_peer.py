"""Temporal as the benchmark has it."""

import pytest

from bench.peers import asking


@pytest.mark.processes
def test_it_answers_every_figure() -> None:
    with asking.peer("temporal") as peer:
        assert peer.name.startswith("Temporal dev server")
        assert peer.ask("run", instances=3, steps_each=2) > 0
        assert peer.ask("empty", count=2) > 0
