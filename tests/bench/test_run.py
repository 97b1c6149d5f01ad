"""One benchmark in a process of its own."""

import json

import pytest

from bench import result, run


def test_the_results_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    run.main("tests.bench.measured", "two_rounds", "60")
    (found,) = [result.from_dict(each) for each in json.loads(capsys.readouterr().out)]
    assert (found.id, found.samples.ours) == ("B0", (1.0, 2.0))
