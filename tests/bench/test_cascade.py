"""bin/bench cascade: what it plays, shows and keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import cascade, cli
from launch import environment
from launch.process import LaunchError

CHECK = {"name": "backlog", "what": "the largest", "ours": 50, "bound": "<= 50", "held": True, "timed": False}
PHASE = {"events": 30, "latest_seconds": 0.5, "outcomes": {"a b": {"Started": 9}, "c b": {"Started": 2, "refused": 19}}}
GOOD: dict[str, Any] = {
    "good": True,
    "checks": [CHECK, {**CHECK, "name": "closed", "bound": "", "held": None}],
    "seen": {"storm": PHASE, "unheard": {"events": 30, "latest_seconds": 0}},
    "others": {"alone": {"dwell_p50_ms": 4.25}},
    "errors": [],
}
BAD = {**GOOD, "good": False, "checks": [CHECK, {**CHECK, "ours": 51, "held": False}], "errors": ["Traceback"]}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(environment, "enter", lambda _locks: None)
    return tmp_path / "bench" / "cascade.json"


def given(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> list[tuple[object, ...]]:
    asked: list[tuple[object, ...]] = []

    def play(*arguments: object) -> dict[str, Any]:
        asked.append(arguments)
        return found

    monkeypatch.setattr(cascade, "play", play)
    return asked


def test_what_held_is_shown_and_kept_and_the_run_ends_well(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = given(monkeypatch, GOOD)
    assert cli.main(["cascade", "--rate", "20", "--seconds", "3"]) == 0
    assert asked == [(20, 3, 50)]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["backlog", "50", "<=", "50", "held", "the", "largest"]
    assert shown[1].split() == ["closed", "50", "-", "the", "largest"]
    assert "others alone: dwell_p50_ms 4.25" in shown
    assert "storm: events 30, latest_seconds 0.5, Started 11, refused 19" in shown
    assert shown[-1] == "2 checks, all held"
    assert json.loads(kept.read_text())["limit"] == 50


def test_one_that_is_broken_is_a_missed_target(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, BAD)
    assert cli.main(["cascade"]) == 3
    shown = capsys.readouterr().out
    assert "BROKEN" in shown
    assert shown.endswith("Traceback\n2 checks, 1 broken\n")


def test_json_is_one_object(kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = given(monkeypatch, GOOD)
    assert cli.main(["cascade", "--json"]) == 0
    assert asked == [(500, 60, 50)], "what it is without options"
    found = json.loads(capsys.readouterr().out)
    assert (found["id"], found["rate"], found["seconds"], found["good"]) == ("cascade", 500, 60, True)


@pytest.mark.parametrize("options", [["--rate", "0"], ["--seconds", "-1"]])
def test_a_rate_or_a_time_of_nothing_is_a_usage_error(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["cascade", *options])
    assert exit_.value.code == 2
    assert "both must be more than 0" in capsys.readouterr().err


@pytest.mark.processes
def test_a_run_that_breaks_is_told() -> None:
    with pytest.raises(LaunchError, match="the cascade failed"):
        cascade.play("no rate", 1, 1)  # type: ignore[arg-type]
