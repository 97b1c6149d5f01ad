"""A pump's hold on its shard: one row, one heartbeat, and an epoch that grows with each owner.

The database's clock alone decides whether a lease has lapsed.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from workflows import conf, eventlog

# An index that is no lane (SHARDS was lowered, or the row is damaged) reads as 0, unless a pump of it still lives.
STRAY = """(shard < 0 OR shard >= %(shards)s) AND NOT EXISTS (
    SELECT FROM workflows_shard s WHERE s.index = shard AND s.deadline > clock_timestamp())"""

# An epoch is higher than any of a lane that is no more: what those ran can be told from what this owner runs.
ACQUIRE = """
INSERT INTO workflows_shard AS s (index, owner, epoch, deadline, max_parallelism, counts)
SELECT %(shard)s, %(owner)s, retired.epoch + 1,
    clock_timestamp() + %(lease_ms)s * interval '1 ms', %(parallelism)s, '{}'
FROM (SELECT coalesce(max(epoch), 0) AS epoch FROM workflows_shard WHERE index >= %(shards)s) AS retired
ON CONFLICT (index) DO UPDATE SET
    owner = excluded.owner, epoch = greatest(s.epoch + 1, excluded.epoch), deadline = excluded.deadline
WHERE s.deadline IS NULL OR s.deadline < clock_timestamp()
RETURNING epoch, max_parallelism, clock_timestamp(), counts::text"""

REMAINING = """
SELECT coalesce(extract(epoch FROM max(deadline) - clock_timestamp()), 0)::float8
FROM workflows_shard WHERE index = %(shard)s"""

HEARTBEAT = """
UPDATE workflows_shard SET deadline = clock_timestamp() + %(lease_ms)s * interval '1 ms', counts = %(counts)s::json
WHERE index = %(shard)s AND epoch = %(epoch)s RETURNING epoch, max_parallelism, clock_timestamp(), counts::text"""

RELEASE = """
WITH freed AS (
    UPDATE workflows_instance SET epoch = 0, wake_at = clock_timestamp()
    WHERE {of} AND status = 'running' AND epoch = %(epoch)s RETURNING id
), let_go AS (
    UPDATE workflows_shard SET owner = '', deadline = clock_timestamp(), counts = %(counts)s::json
    WHERE index = %(shard)s AND epoch = %(epoch)s
)
SELECT count(*) FROM freed"""

# What dead epochs left running becomes ready again; each such instance has lost one more owner.
REAP = """
WITH left_behind AS (
    SELECT id FROM workflows_instance
    WHERE {of} AND status = 'running' AND epoch BETWEEN 1 AND %(epoch)s - 1
    LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
), freed AS (
    UPDATE workflows_instance w SET epoch = 0, wake_at = clock_timestamp(), takeovers = takeovers + 1
    FROM left_behind l WHERE w.id = l.id RETURNING w.id
)
SELECT count(*) FROM freed"""

LAPSED = """
SELECT lane FROM generate_series(0, %(shards)s - 1) AS lane
LEFT JOIN workflows_shard s ON s.index = lane
WHERE s.deadline IS NULL OR s.deadline < clock_timestamp() ORDER BY lane"""

DEADLINES = "SELECT index, deadline FROM workflows_shard WHERE deadline IS NOT NULL AND index < %(shards)s"

DEFAULT_PARALLELISM = 200


@dataclass(frozen=True, slots=True)
class Lease:
    """What the shard's row said at the last heartbeat. `at` is the database's time of it, `counts` JSON text."""

    epoch: int
    max_parallelism: int
    at: datetime
    counts: str

    def total(self, counts: Mapping[str, int]) -> str:
        """Return these counts and those of the owners before, as JSON text."""
        return msgspec.json.encode(Counter(msgspec.json.decode(self.counts)) + Counter(counts)).decode()


class Clock:
    """The database's time, carried on by the monotonic clock; never ahead of it."""

    def __init__(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)

    def set(self, at: datetime) -> None:
        self._at, self._since = at, time.monotonic()

    def at_least(self, at: datetime) -> None:
        if at > self.now():
            self.set(at)

    def monotonic(self, at: datetime) -> float:
        """Return when it will be that time, by time.monotonic."""
        return self._since + (at - self._at).total_seconds()


def lane(shard: int) -> str:
    """Return the condition that an instance is of this shard."""
    return f"(shard = %(shard)s OR {STRAY})" if shard == 0 else "shard = %(shard)s"


def acquire(shard: int, owner: str) -> Lease | None:
    """Take the shard if nobody holds it; the epoch is one higher than any before."""
    rows = eventlog.execute(
        ACQUIRE,
        {
            "shard": shard,
            "shards": conf.current().shards,
            "owner": owner,
            "lease_ms": conf.current().lease_ms,
            "parallelism": DEFAULT_PARALLELISM,
        },
    )
    return Lease(*rows[0]) if rows else None


def remaining_seconds(shard: int) -> float:
    """Return how long the present owner's lease still runs; negative when it has lapsed."""
    return float(eventlog.execute(REMAINING, {"shard": shard})[0][0])


def heartbeat(shard: int, epoch: int, counts: str) -> Lease | None:
    """Prolong the lease and tell the counts so far; None when another epoch has taken the shard."""
    lease_ms = conf.current().lease_ms
    rows = eventlog.execute(HEARTBEAT, {"shard": shard, "epoch": epoch, "lease_ms": lease_ms, "counts": counts})
    return Lease(*rows[0]) if rows else None


def release(shard: int, epoch: int, counts: str) -> int:
    """Give the shard up, and what still runs with it; return how many instances that were."""
    values = {"shard": shard, "epoch": epoch, "counts": counts, "shards": conf.current().shards}
    return int(eventlog.execute(RELEASE.replace("{of}", lane(shard)), values)[0][0])


def reap(shard: int, epoch: int) -> int:
    """Make ready what dead epochs left running, one bounded batch; return how many."""
    limit = conf.current().takeover_batch
    values = {"shard": shard, "epoch": epoch, "limit": limit, "shards": conf.current().shards}
    return int(eventlog.execute(REAP.replace("{of}", lane(shard)), values)[0][0])


def lapsed_shards() -> list[int]:
    """Return the shards that no live pump holds."""
    return [row[0] for row in eventlog.execute(LAPSED, {"shards": conf.current().shards})]


def deadlines() -> dict[int, datetime]:
    """Return until when each shard is held, or was."""
    return dict(eventlog.execute(DEADLINES, {"shards": conf.current().shards}))
