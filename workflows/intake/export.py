"""Write what is about to be removed from the buffer to a file, one JSON object a line, and read back which it was.

A line is on the disk before anything of it is removed; its fields are those of a trigger, so it can be sent again.
"""

import os
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec

from mollifier.entry import State
from workflows import patch
from workflows.intake.clearing import PAGE, Found
from workflows.intake.directory import Env
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid

PRIVATE = 0o600


class Key(msgspec.Struct, omit_defaults=True):
    """Which entry a line is of, as it was after `version` changes."""

    id: UUID
    org: str
    env: str
    state: State
    accepted_at: datetime
    version: int


class Line(Key, omit_defaults=True):
    """One entry. Of one that can't be read only the stored bytes are known, as base64, and of some not even those."""

    definition: str | None = None
    payload: msgspec.Raw | None = None
    idempotency_key: str | None = None
    tags: tuple[str, ...] = ()
    metadata: msgspec.Raw | None = None
    run_after: datetime | None = None
    reason: str | None = None
    attempts: int = 0
    error: str | None = None
    cancel_reason: str | None = None
    snapshot: str | None = None
    patch: str | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """How many entries were written, and where in the file they begin."""

    count: int
    offset: int


def write(pages: Iterable[list[Found]], path: Path) -> Exported:
    """Append the entries to the file and put it on the disk; a line that a killed run left torn is cut off.

    Raises:
        OSError: the file can't be written; what is in it may be incomplete.
        LookupUnavailable: the buffer does not answer.
    """
    encoder, count = msgspec.json.Encoder(), 0
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE), "r+b") as file:
        offset = _mend(file)
        for page in pages:
            for found in page:
                file.write(encoder.encode(line_of(found)) + b"\n")
                count += 1
        file.flush()
        os.fsync(file.fileno())
    _keep_name(path)
    return Exported(count, offset)


def read(path: Path, offset: int, envs: Mapping[tuple[str, str], Env]) -> Iterator[list[Found]]:
    """Yield the entries that were written from the offset on, page by page, each page of one environment."""
    page: list[Found] = []
    decoder = msgspec.json.Decoder(Key)
    with path.open("rb") as file:
        file.seek(offset)
        for text in file:
            line = decoder.decode(text)
            env = envs[line.org, line.env]
            if page and (len(page) == PAGE or page[0].env != env):
                yield page
                page = []
            page.append(Found(env, line.id, line.state, line.accepted_at, line.version, None))
    if page:
        yield page


def line_of(found: Found) -> Line:
    """Make the line of an entry."""
    line = Line(found.id, found.env.org.slug, found.env.slug, found.state, found.accepted_at, found.version)
    entry = found.entry
    if entry is None:
        return line
    line.reason, line.attempts = entry.reason.value, entry.attempts
    line.error, line.cancel_reason = entry.error, entry.cancel_reason
    try:
        trigger = patch.read(entry.snapshot, entry.patch)
    except (SnapshotInvalid, SnapshotFromFuture):
        line.snapshot, line.patch = b64encode(entry.snapshot).decode(), b64encode(entry.patch).decode()
        return line
    line.definition, line.idempotency_key, line.run_after = (
        trigger.definition,
        trigger.idempotency_key,
        trigger.run_after,
    )
    line.payload, line.metadata, line.tags = msgspec.Raw(trigger.payload), msgspec.Raw(trigger.metadata), trigger.tags
    return line


def _mend(file: IO[bytes]) -> int:
    """Cut the file behind its last whole line, and return its size."""
    end = file.seek(0, os.SEEK_END)
    while end and _byte_at(file, end - 1) != b"\n":
        end -= 1
    file.truncate(end)
    return file.seek(end)


def _byte_at(file: IO[bytes], at: int) -> bytes:
    file.seek(at)
    return file.read(1)


def _keep_name(path: Path) -> None:
    """Put the file's name on the disk too."""
    folder = os.open(path.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
