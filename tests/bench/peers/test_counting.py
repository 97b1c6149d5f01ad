"""Jobs that count themselves, in several processes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.peers import counting

RUNS = f"""
import sys; sys.path.insert(0, {str(Path(counting.__file__).parent)!r})
from pathlib import Path
import counting
counting.place = Path(sys.argv[1])
for _ in range(3):
    counting.count()
"""


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(counting, "place", tmp_path)
    counting._mapped.cache_clear()
    yield
    counting._mapped.cache_clear()


def test_what_every_process_ran_is_counted(tmp_path: Path) -> None:
    assert counting.counted() == (0, 0.0)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", RUNS, str(tmp_path)], check=True)
    counting.count()
    done, at = counting.counted()
    assert done == 7
    assert at > 0


def test_a_run_is_over_when_its_last_job_is_done() -> None:
    counting.count()

    def send(many: int) -> None:
        for _ in range(many):
            counting.count()

    took = counting.timed(send, 6, 3)
    assert counting.counted()[0] == 7
    assert 0 <= took["done"] <= took["sent"]


def test_jobs_that_nobody_runs_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "GIVE_UP_SECONDS", 0)
    with pytest.raises(TimeoutError, match="2 of 2"):
        counting.timed(lambda _many: None, 2, 1)
