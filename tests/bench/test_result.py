"""What a benchmark found."""

import json
from dataclasses import asdict

from bench import result
from bench.result import Ceiling, Samples, Target


def test_medians_are_compared_with_the_target() -> None:
    found = result.make("B4", "drain", "rows/s", Samples((10, 30, 20), (40, 50, 30)), Target(0.6))
    assert (found.ours, found.against, found.ratio) == (20, 40, 0.5)
    assert (found.target, found.met) == (">= 0.6 x", False)
    assert found.command == "bin/bench B4"


def test_a_target_may_be_an_upper_bound() -> None:
    assert result.make("B9", "", "s", Samples((1,), (2,)), Target(1.3, at_least=False)).met
    assert not result.make("B9", "", "s", Samples((3,), (2,)), Target(1.3, at_least=False)).met


def test_a_ceiling_holds_our_own_figure_whatever_the_ratio() -> None:
    found = result.make("B7", "", "us", Samples((2,), (0.1,)), Ceiling(3))
    assert (found.target, found.met, found.ratio) == ("<= 3 us", True, 20)
    assert result.make("B7", "", "us", Samples((4,)), Ceiling(3)).met is False


def test_without_a_peer_nothing_is_met_or_missed() -> None:
    found = result.make("B8.one", "engine", "steps/s", Samples((5, 7, 9)))
    assert (found.ours, found.against, found.ratio, found.target, found.met) == (7, None, None, None, None)
    assert found.command == "bin/bench B8"


def test_json_is_one_object_with_the_further_figures_as_parts() -> None:
    results = [result.make(name, "", "s", Samples((1.0,))) for name in ("B8.a", "B8.b")]
    found = json.loads(result.as_json("B8", results))
    assert found["id"] == "B8"
    assert [part["id"] for part in found["parts"]] == ["B8.b"]
    wanted = {"id", "what", "unit", "ours", "against", "ratio", "target", "met", "samples", "command", "machine"}
    assert wanted <= set(found)


def test_the_table_says_which_target_is_missed() -> None:
    results = [
        result.make("B4", "drain", "rows/s", Samples((10_000,), (50_000,)), Target(0.6)),
        result.make("B8", "engine", "steps/s", Samples((9.5,))),
    ]
    lines = list(result.table(results))
    assert "10,000" in lines[1]
    assert "MISSED" in lines[1]
    assert "drain (rows/s)" in lines[1]
    assert "MISSED" not in lines[2]


def test_a_note_stands_below_its_figure() -> None:
    lines = list(result.table([result.make("B8", "", "s", Samples((1.0,)), note="peer not measured: no server")]))
    assert lines[2].strip() == "peer not measured: no server"


def test_a_result_comes_back_from_json() -> None:
    found = result.make("B4", "drain", "rows/s", Samples((10, 30), (40, 50)), Target(0.6))
    assert result.from_dict(json.loads(json.dumps(asdict(found)))) == found
