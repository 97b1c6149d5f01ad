"""Traces, from files and from git."""

import gzip
from pathlib import Path

import pytest

from tests.workflows.load.repository import commit, git
from workflows.load import traces
from workflows.load.traces import Commit, TraceError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "commits.jsonl.gz"
ONE = Commit(1, "commit.pushed", "grace/looms", "a" * 40, "0" * 12, 2, 10, 3)
TWO = Commit(5, "commit.merged", "grace/looms", "b" * 40, "1" * 12, 1, 0, 1)


@pytest.mark.parametrize("name", ["trace.jsonl", "trace.jsonl.gz"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    assert traces.write(tmp_path / name, [ONE, TWO]) == 2
    assert traces.read(tmp_path / name) == [ONE, TWO]
    assert traces.read(tmp_path / name, limit=1) == [ONE]


def test_a_line_that_is_no_commit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    traces.write(path, [ONE])
    with path.open("a") as file:
        file.write('{"t": "yesterday"}\n')
    with pytest.raises(TraceError, match="line 2"):
        traces.read(path)


def test_a_trace_out_of_order_is_refused(tmp_path: Path) -> None:
    traces.write(tmp_path / "trace.jsonl", [TWO, ONE])
    with pytest.raises(TraceError, match="line 2"):
        traces.read(tmp_path / "trace.jsonl")


def test_a_file_that_is_missing_or_no_gzip_is_an_error_of_the_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file"):
        traces.read(tmp_path / "none.jsonl")
    (tmp_path / "plain.gz").write_text("not gzipped")
    with pytest.raises(TraceError, match=r"plain\.gz"):
        traces.read(tmp_path / "plain.gz")


def test_a_repository_becomes_a_trace_oldest_first(tmp_path: Path) -> None:
    repository = tmp_path / "looms"
    git(tmp_path, "init", "-q", "-b", "main", str(repository))
    commit(repository, {"warp.txt": "1\n2\n"}, "2020-01-01T00:00:00Z")
    git(repository, "checkout", "-q", "-b", "side")
    commit(repository, {"weft.bin": "\0\1"}, "2020-01-02T00:00:00Z")
    git(repository, "checkout", "-q", "main")
    commit(repository, {"warp.txt": "1\n"}, "2020-01-03T00:00:00Z")
    git(repository, "merge", "-q", "--no-ff", "-m", "merge", "side", date="2020-01-04T00:00:00Z")

    made = traces.from_git(repository)

    assert [(each.type, each.files, each.added, each.removed) for each in made] == [
        ("commit.pushed", 1, 2, 0),
        ("commit.pushed", 1, 0, 0),
        ("commit.pushed", 1, 0, 1),
        ("commit.merged", 1, 0, 0),
    ]
    assert {each.repo for each in made} == {"looms"}
    assert made[1].t - made[0].t == 86_400
    assert len({each.sha for each in made}) == 4
    assert "ada" not in made[0].actor
    assert traces.from_git(repository, limit=2) == made[:2]


def test_a_path_that_is_no_repository_is_an_error_of_the_trace(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="not a git repository"):
        traces.from_git(tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason=f"the trace of 49 repositories is absent: {SHARED}")
def test_the_trace_of_49_repositories_is_read_whole() -> None:
    commits = traces.read(SHARED)
    assert len(commits) == 56_099
    assert len({(each.repo, each.sha) for each in commits}) == 56_099
    assert len({each.repo for each in commits}) == 49


def test_a_gzipped_trace_really_is(tmp_path: Path) -> None:
    traces.write(tmp_path / "trace.jsonl.gz", [ONE])
    assert gzip.decompress((tmp_path / "trace.jsonl.gz").read_bytes()).endswith(b"}\n")
