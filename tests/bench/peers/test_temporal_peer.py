"""Temporal as the benchmark has it: where its dev server can't be had, that is said."""

import pytest

from bench.peers import asking
from bench.peers.asking import NotMeasured


@pytest.mark.processes
def test_it_answers_every_figure_or_says_that_its_server_does_not_start() -> None:
    try:
        with asking.peer("temporal", *asking.temporal_cli()) as peer:
            assert peer.name.startswith("Temporal dev server")
            assert peer.ask("run", instances=3, steps_each=2) > 0
            assert peer.ask("empty", count=2) > 0
    except NotMeasured as why:
        assert "its dev server does not start" in str(why)  # noqa: PT017 - either is what the benchmark goes by
