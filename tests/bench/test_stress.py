"""bin/bench stress: what it plays, shows and keeps."""

import json
from pathlib import Path

import pytest

from bench import cli, stress
from bench.chaos import scenarios
from launch import environment
from launch.process import LaunchError

GOOD = {
    "name": "six",
    "what": "six definitions",
    "good": True,
    "started": 6,
    "completed": 6,
    "failed": 0,
    "stuck": 0,
    "corrupted": 0,
    "seconds": 1.5,
    "shards": {"0": {"count": 6, "p50": 0.1, "longest": 0.25}},
    "seen": {"tokens": 3},
    "faults": {},
    "examples": [],
    "unexpected": [],
}
BAD = {**GOOD, "good": False, "corrupted": 1, "faults": {"gap": 2}, "unexpected": ["Traceback"]}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(environment, "enter", lambda _locks: None)
    return tmp_path / "bench" / "stress.json"


def given(monkeypatch: pytest.MonkeyPatch, *parts: dict[str, object]) -> list[tuple[object, ...]]:
    asked: list[tuple[object, ...]] = []

    def play(*arguments: object) -> list[dict[str, object]]:
        asked.append(arguments)
        return list(parts)

    monkeypatch.setattr(stress, "play", play)
    return asked


def test_the_parts_that_may_be_named_are_those_that_are_played() -> None:
    played = [each.name for each in (*scenarios.SCENARIOS, *scenarios.STORMS)]
    assert list(stress.PARTS) == [*played, "fences", "kill", "crash_loop", "control"]


def test_a_good_run_is_shown_kept_and_ends_well(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = given(monkeypatch, GOOD)
    assert cli.main(["stress", "six", "--rounds", "3", "--seed", "7"]) == 0
    assert asked == [(3, 7, 1.0, ["six"])]
    said = capsys.readouterr()
    assert "--rounds 3 --seed 7" in said.err
    assert said.out.splitlines()[0].startswith("six           good  6 of 6 completed, 0 failed, 0 stuck, 0 corrupted")
    assert "0: 0.10/0.25" in said.out
    assert said.out.splitlines()[-1] == "1 parts, all good"
    assert json.loads(kept.read_text())["good"]


def test_a_bad_part_is_a_missed_target(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, GOOD, BAD)
    assert cli.main(["stress"]) == stress.BAD == 3
    said = capsys.readouterr().out
    assert "faults: gap 2" in said
    assert "2 parts, 1 bad" in said


def test_json_is_one_object(kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given(monkeypatch, BAD)
    assert cli.main(["stress", "--json", "--seed", "7"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], found["seed"], found["good"], found["parts"]) == ("stress", 7, False, [BAD])


def test_an_unknown_part_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["stress", "B4"])
    assert exit_.value.code == 2
    assert "race" in capsys.readouterr().err


def test_no_round_at_all_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["stress", "--rounds", "0"])
    assert exit_.value.code == 2
    assert "--rounds 0: it takes at least 1" in capsys.readouterr().err


@pytest.mark.processes
def test_a_run_that_breaks_is_told() -> None:
    with pytest.raises(LaunchError, match="the stress run failed"):
        stress.play(0, 1, "no share", ("six",))  # type: ignore[arg-type]
