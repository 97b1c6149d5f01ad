"""Processes of a stress run: started, killed, started again, and read."""

import sys
from pathlib import Path

import pytest

from bench.chaos import crew
from bench.chaos.crew import Pump
from tests.waiting import until

IDLE = ("-c", "import sys, time; print(sys.argv[1:], flush=True); time.sleep(60)")


@pytest.fixture
def pump(tmp_path: Path):
    made = Pump((0, 2), tmp_path / "pump.log", IDLE)
    yield made
    made.kill()


def test_a_pump_is_named_its_shards_and_lives_until_killed(pump: Pump) -> None:
    assert not pump.runs()
    pump.start()
    until(lambda: "--shard" in pump.log.read_text())
    assert pump.log.read_text() == "['--shard', '0', '--shard', '2']\n"
    assert pump.runs()
    pump.kill()
    assert not pump.runs()
    pump.start()
    assert pump.runs()


def test_what_a_log_should_not_say_is_found(pump: Pump) -> None:
    assert pump.unexpected() == []
    pump.log.write_text('{"event": "workflows.pump_started"}\n{"event": "workflows.pump_error"}\nTraceback (most\n')
    assert pump.unexpected() == ['{"event": "workflows.pump_error"}', "Traceback (most"]


def test_pumps_are_stopped_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "place", lambda: tmp_path)
    with crew.pumping((0,), (1,), name="idle", command=IDLE) as pumps:
        assert all(pump.runs() for pump in pumps)
    assert not any(pump.runs() for pump in pumps)
    assert [pump.log.name for pump in pumps] == ["idle-0.log", "idle-1.log"]


@pytest.mark.processes
@pytest.mark.usefixtures("for_processes")
def test_those_who_send_are_there_until_the_end(tmp_path: Path) -> None:
    with crew.gathered(1, 1) as made:
        members = [*made.submitters, *made.resumers]
        assert [peer.name for peer in members] == ["submitter", "resumer"]
    assert [peer.child.returncode for peer in members] == [0, 0]
    assert sys.executable in members[0].child.args  # type: ignore[operator]
