"""What a pump asks of the instances table: claim what is ready, find what was lost or has ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from workflows import conf, eventlog
from workflows.fence import StoredEvent
from workflows.identity import Identity
from workflows.pump import leases

# From so many owners on that died with it an instance is a suspect, and runs alone: the next one it takes along has no
# other in hand that would be blamed.
SUSPECT_TAKEOVERS = 2

# Only while the shard still carries our epoch: the row is locked so that a takeover comes before or after, not between.
CLAIM = """
WITH mine AS MATERIALIZED (
    SELECT 1 FROM workflows_shard WHERE index = %(shard)s AND epoch = %(epoch)s FOR SHARE
), due AS MATERIALIZED (
    SELECT id, last_seq, last_event_at, started_at FROM workflows_instance
    WHERE {of} AND takeovers < {suspect} AND wake_at <= now() AND EXISTS (SELECT FROM mine)
    ORDER BY wake_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
), suspect AS MATERIALIZED (
    SELECT id, last_seq, last_event_at, started_at FROM workflows_instance
    WHERE {of} AND takeovers >= {suspect} AND wake_at <= now()
        AND %(alone)s AND EXISTS (SELECT FROM mine) AND NOT EXISTS (SELECT FROM due)
    ORDER BY wake_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
), timed AS MATERIALIZED (
    SELECT id, last_seq, started_at IS NULL AS first, greatest(clock_timestamp(), last_event_at) AS at
    FROM (SELECT * FROM due UNION ALL SELECT * FROM suspect) AS taken
), claimed AS (
    UPDATE workflows_instance w SET
        status = 'running', epoch = %(epoch)s, wake_at = NULL, error_code = NULL, error_message = NULL,
        started_at = coalesce(w.started_at, t.at), last_event_at = t.at,
        last_seq = t.last_seq + t.first::int, log_bytes = w.log_bytes + 2 * t.first::int
    FROM timed t WHERE w.id = t.id
    RETURNING w.id, w.org_id, w.env_id, w.definition, w.version, w.root_id, w.depth,
        w.last_seq, w.log_bytes, w.takeovers
), started AS (
    INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
    SELECT id, last_seq + 1, 'started', '', '{}', at FROM timed WHERE first
)
SELECT id, org_id, env_id, definition, version, root_id, depth, last_seq, log_bytes, takeovers, clock_timestamp(),
    EXISTS (SELECT FROM workflows_instance WHERE {of} AND takeovers >= {suspect} AND wake_at <= now())
FROM claimed"""

# Ours by the table and not in hand: ready again.
RECOVER = """
WITH lost AS (
    UPDATE workflows_instance SET wake_at = now()
    WHERE {of} AND status = 'running' AND epoch = %(epoch)s AND NOT (id = ANY (%(held)s::uuid[]))
    RETURNING id
)
SELECT count(*) FROM lost"""

OWN = "shard = %(shard)s"
CLAIM_OWN, CLAIM_STRAYS = (
    CLAIM.replace("{of}", lane).replace("{suspect}", str(SUSPECT_TAKEOVERS)) for lane in (OWN, leases.STRAY)
)

FINISHED = "SELECT id FROM workflows_instance WHERE id = ANY (%(ids)s::uuid[]) AND finished_at IS NOT NULL"

READ_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Claimed:
    """An instance that is ours now."""

    identity: Identity
    tail: int
    log_bytes: int
    takeovers: int
    at: datetime

    @property
    def id(self) -> UUID:
        return self.identity.id


Logs = Mapping[UUID, Sequence[StoredEvent]]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one claim took: instances that may run together, or one suspect. `suspects_wait`: others are ready."""

    claims: Sequence[Claimed]
    suspects_wait: bool = False

    @property
    def is_suspect(self) -> bool:
        return any(claim.takeovers >= SUSPECT_TAKEOVERS for claim in self.claims)


def claim(shard: int, epoch: int, limit: int, *, alone: bool = False) -> Batch:
    """Take up to `limit` ready instances, those due longest first; none when the shard has another owner.

    When there is none, and the caller holds nothing (`alone`), take one suspect.
    """
    values = {"shard": shard, "epoch": epoch, "shards": conf.current().shards}
    found = eventlog.execute(CLAIM_OWN, {**values, "limit": limit, "alone": alone})
    if shard == 0 and (len(found) < limit or not found):
        rest = limit - len(found)
        found += eventlog.execute(CLAIM_STRAYS, {**values, "limit": rest, "alone": alone and not found})
    claims = [Claimed(Identity(*row[:7]), *row[7:11]) for row in found]
    return Batch(claims, any(row[11] for row in found))


def recover(shard: int, epoch: int, held: Sequence[UUID]) -> int:
    """Make ready what this epoch owns without having it in hand; return how many."""
    parameters = {"shard": shard, "epoch": epoch, "held": list(held), "shards": conf.current().shards}
    return int(eventlog.execute(RECOVER.replace("{of}", leases.lane(shard)), parameters)[0][0])


def finished_among(ids: Sequence[UUID]) -> list[UUID]:
    """Return those that have ended, from outside if their pump does not know."""
    return [row[0] for row in eventlog.execute(FINISHED, {"ids": list(ids)})]


def in_parts(claims: Sequence[Claimed]) -> list[list[Claimed]]:
    """Split a batch so that the logs of one part fit in memory together."""
    parts: list[list[Claimed]] = []
    weight = READ_BYTES
    for claim in claims:
        if weight >= READ_BYTES:
            parts.append([])
            weight = 0
        parts[-1].append(claim)
        weight += claim.log_bytes
    return parts
