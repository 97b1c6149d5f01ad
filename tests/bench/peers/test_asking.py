"""How peers are asked, tried with programs that need nothing installed."""

import sys
from pathlib import Path

import pytest

from bench.peers import asking
from bench.peers.asking import NotMeasured
from launch.environment import Virtualenv
from launch.process import LaunchError
from tests.processes import lives
from tests.waiting import until

ANSWERING = f"import sys, time; sys.path.insert(0, {str(asking.HERE)!r}); from answering import answer, refuse; "


def program(text: str) -> list[str]:
    return [sys.executable, "-c", ANSWERING + text]


def test_a_program_is_asked_for_figures_and_ends_with_its_input(tmp_path: Path) -> None:
    with asking.started(program("answer({'double': lambda of: of * 2}, 'a peer')"), tmp_path / "log") as peer:
        assert (peer.name, peer.ask("double", of=4), peer.ask("double", of=5)) == ("a peer", 8, 10)
        with pytest.raises(NotMeasured, match="KeyError"):
            peer.ask("treble")
    assert peer.child.returncode == 0


def test_what_a_program_that_must_be_killed_has_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "STOP_SECONDS", 0.1)
    text = "import subprocess; answer({'start': lambda: subprocess.Popen(['sleep', '60']).pid}, 'p'); time.sleep(60)"
    with asking.started(program(text), tmp_path / "log") as peer:
        left = peer.ask("start")
        assert lives(left)
    until(lambda: not lives(left))


def test_what_a_child_of_a_program_prints_is_no_answer(tmp_path: Path) -> None:
    text = "import subprocess; from answering import keep_the_pipe; keep_the_pipe(); "
    text += "answer({'loud': lambda: subprocess.run(['echo', 'loud']).returncode}, 'p')"
    with asking.started(program(text), tmp_path / "log") as peer:
        assert peer.ask("loud") == 0
    assert (tmp_path / "log").read_text() == "loud\n"


def test_what_it_prints_besides_goes_to_the_log(tmp_path: Path) -> None:
    with asking.started(program("print('hm', file=sys.stderr); answer({}, 'a peer')"), tmp_path / "log"):
        pass
    assert (tmp_path / "log").read_text() == "hm\n"


@pytest.mark.parametrize(
    ("text", "why"), [("refuse('no server')", "no server"), ("sys.exit(3)", "ended without a word, with 3")]
)
def test_a_program_that_can_not_measure_says_why(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(NotMeasured, match=why), asking.started(program(text), tmp_path / "log"):
        pass


def test_one_that_dies_meanwhile_has_gone(tmp_path: Path) -> None:
    with asking.started(program("answer({'die': lambda: __import__('os')._exit(9)}, 'p')"), tmp_path / "log") as peer:
        with pytest.raises(NotMeasured, match="with 9"):
            peer.ask("die")
        with pytest.raises(NotMeasured, match="gone"):
            peer.ask("die")


def test_one_that_does_not_answer_is_given_up_and_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(asking, "STOP_SECONDS", 0.1)
    waiting = asking.started(program("answer({'wait': lambda: time.sleep(60)}, 'p')"), tmp_path / "log")
    with waiting as peer, pytest.raises(NotMeasured, match="no answer"):
        peer.ask("wait")
    assert peer.child.returncode == -9


def test_a_virtualenv_is_made_once_for_each_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "HERE", tmp_path)
    monkeypatch.setattr(asking, "place", lambda name: tmp_path / "kept" / name)
    (tmp_path / "one.txt").write_text("")
    made = asking.prepare("one")
    assert made == Virtualenv(tmp_path / "kept" / "one")
    stamped = made.stamp.stat().st_mtime_ns
    assert asking.prepare("one").stamp.stat().st_mtime_ns == stamped
    (tmp_path / "one.txt").write_text("# changed\n")
    assert asking.prepare("one").stamp.stat().st_mtime_ns > stamped


def test_a_peer_whose_packages_can_not_be_had_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(name: str) -> Virtualenv:
        raise LaunchError("is the package registry reachable?")

    monkeypatch.setattr(asking, "prepare", unreachable)
    with pytest.raises(NotMeasured, match="registry"), asking.peer("dbos"):
        pass
