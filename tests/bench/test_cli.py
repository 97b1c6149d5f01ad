"""bin/bench."""

import subprocess
import sys

import pytest

from bench import cli
from launch import environment


def test_the_list_names_every_benchmark_and_the_stress(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "B1",
        "B2",
        "B3",
        "B4",
        "B5",
        "B6",
        "B7",
        "B8",
        "B9",
        "B10",
        "B11",
        "B12",
        "B13",
        "B14",
        "B15",
        "B16",
        "B17",
        "B18",
        "B19",
        "stress",
        "cascade",
    ]


def test_an_unknown_name_is_a_usage_error_that_names_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["B99"])
    assert exit_.value.code == 2
    assert "B1, B2, B3, B4" in capsys.readouterr().err


def test_the_script_needs_nothing_installed() -> None:
    command = [sys.executable, "-I", "-S", str(environment.ROOT / "bin" / "bench"), "--list"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "B4" in ran.stdout
