"""Traces: commits of real repositories as a stream of triggers, read from a file or made from git."""

import gzip
import hashlib
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

import msgspec

GIT_FORMAT = "%x00%H%x1f%P%x1f%ct%x1f%ae"


class TraceError(Exception):
    """The trace can't be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of a trace. `t` is in unix seconds, `actor` is a hash of the author."""

    t: int
    type: str
    repo: str
    sha: str
    actor: str
    files: int
    added: int
    removed: int


def read(path: Path, limit: int | None = None) -> list[Commit]:
    """Read a trace of one JSON object a line, gzipped when the name ends in .gz.

    Raises:
        TraceError: the file can't be opened, or a line is no commit or is older than the one before.
    """
    decoder = msgspec.json.Decoder(Commit)
    commits: list[Commit] = []
    try:
        with opened(path, "rb") as lines:
            for number, line in enumerate(islice(lines, limit), 1):
                commits.append(decoder.decode(line))
                if number > 1 and commits[-1].t < commits[-2].t:
                    raise TraceError(f"{path}, line {number}: older than the line before")
    except msgspec.MsgspecError as error:
        raise TraceError(f"{path}, line {len(commits) + 1}: {error}") from None
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}") from None
    return commits


def write(path: Path, commits: Iterable[Commit]) -> int:
    """Write a trace that `read` reads back; return its number of lines."""
    encoder = msgspec.json.Encoder()
    count = 0
    with opened(path, "wb") as file:
        for commit in commits:
            file.write(encoder.encode(commit) + b"\n")
            count += 1
    return count


def opened(path: Path, mode: str) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, mode))
    return cast("IO[bytes]", path.open(mode))


def from_git(path: Path, limit: int | None = None) -> list[Commit]:
    """Make a trace of a local repository's history, oldest first.

    Raises:
        TraceError: git is missing or refuses the path.
    """
    command = ["git", "-C", str(path), "log", f"--format={GIT_FORMAT}", "--numstat", "--diff-merges=first-parent"]
    try:
        log = subprocess.run(command, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise TraceError("git is not installed") from None
    except subprocess.CalledProcessError as error:
        raise TraceError(f"{path}: {error.stderr.decode(errors='replace').strip()}") from None
    commits = sorted(parse_log(log.decode(errors="replace"), path.resolve().name), key=lambda commit: commit.t)
    return commits[:limit]


def parse_log(log: str, repo: str) -> Iterator[Commit]:
    """Read `git log --numstat` in GIT_FORMAT; a binary file counts as changed with no lines."""
    for record in log.split("\0")[1:]:
        head, *rows = record.strip().splitlines()
        sha, parents, committed, author = head.split("\x1f")
        changes = [row.split("\t") for row in rows if row.count("\t") >= 2]
        yield Commit(
            t=int(committed),
            type="commit.merged" if " " in parents else "commit.pushed",
            repo=repo,
            sha=sha,
            actor=hashlib.blake2b(author.encode(), digest_size=6).hexdigest(),
            files=len(changes),
            added=sum(int(row[0]) for row in changes if row[0] != "-"),
            removed=sum(int(row[1]) for row in changes if row[1] != "-"),
        )
