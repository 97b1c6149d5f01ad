"""burst, up to where it needs a running service."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from launch import process
from tests.workflows.load.repository import commit, git
from workflows.load import traces
from workflows.models import ApiKey


def burst(*arguments: str) -> str:
    printed = StringIO()
    call_command("burst", *arguments, stdout=printed)
    return printed.getvalue()


@pytest.mark.parametrize("url", ["http://192.0.2.1:8000", "https://127.0.0.1:8000"])
def test_a_target_that_is_not_on_this_machine_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match=r"http://|loopback") as error:
        burst("--url", url)
    assert error.value.returncode == 1


@pytest.mark.django_db
def test_a_service_that_does_not_run_is_refused_and_no_key_stays_behind() -> None:
    with pytest.raises(CommandError, match="bin/up") as error:
        burst("--url", f"http://127.0.0.1:{process.free_port()}")
    assert error.value.returncode == 1
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rate", "0"],
        ["--rate", "inf"],
        ["--shape", "odd"],
        ["--seconds", "-1"],
        ["--orgs", "0"],
        ["--shape", "flood"],
        ["--trace", "a", "--git", "b"],
        ["--payload", "{"],
        ["--write", "trace.jsonl"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as error:
        burst(*arguments)
    assert error.value.returncode in (1, 2)


def test_a_trace_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file") as error:
        burst("--trace", str(tmp_path / "none.jsonl"))
    assert error.value.returncode == 1


def test_the_history_of_a_repository_is_written_as_a_trace(tmp_path: Path) -> None:
    repository = tmp_path / "looms"
    git(tmp_path, "init", "-q", str(repository))
    for number in range(3):
        commit(repository, {"warp.txt": str(number)}, f"2020-01-0{number + 1}T00:00:00Z")
    assert "2 commits written" in burst("--git", str(repository), "--limit", "2", "--write", str(tmp_path / "t.jsonl"))
    assert [each.repo for each in traces.read(tmp_path / "t.jsonl")] == ["looms", "looms"]
