"""A service as large as wished, for the operator's pages to look at: orgs, rows of instances, buffered triggers.

Everything is where it really is: the rows in the table with all its indexes, the entries in the buffer through the
gate's own script, each with a snapshot that can be read.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from bench import arrivals, buffer, triggers
from mollifier import keys
from mollifier.decision import Arrival, Mode, Rollout
from workflows import snapshot
from workflows.intake import refresher
from workflows.models import Environment, Organization, OrganizationFlags, Shard, Storm

AT_ONCE = 1_000
SHARDS, STORMS = 4, 20
FLOW_MINUTES = 16
DEFINITIONS = 20

# Of ten rows two are due, one sleeps, one runs, one is paused, one has failed, and four have completed.
FILL = """
INSERT INTO workflows_instance (
    id, org_id, env_id, definition, version, status, source, shard, tags, metadata, idempotency_key, root_id, depth,
    accepted_at, created_at, started_at, finished_at, wake_at, epoch, takeovers, last_seq, last_event_at, log_bytes)
SELECT id, ('00000001-0000-0000-0000-' || lpad(to_hex(n %% %(orgs)s), 12, '0'))::uuid,
    ('00000002-0000-0000-0000-' || lpad(to_hex(n %% %(orgs)s), 12, '0'))::uuid, 'review-' || n %% %(definitions)s, 1,
    status, 'api', n / 10 %% %(shards)s, CASE WHEN n %% 50 = 0 THEN '{vip}'::text[] ELSE '{}' END, '{}', 'key-' || n,
    id, 0, at, at, at, CASE WHEN status IN ('failed', 'completed') THEN at END,
    CASE WHEN n %% 10 < 2 THEN at WHEN n %% 10 = 2 THEN now() + interval '1 day' END, 1, 0, 1, at, 40
FROM (
    SELECT n, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15) AS name,
        (ARRAY['pending', 'pending', 'waiting', 'running', 'paused', 'failed'])[n %% 10 + 1] AS alive
    FROM (
        SELECT n, now() - interval '12 hours' + n * interval '40 ms' AS at
        FROM generate_series(%(first)s::int, %(last)s::int) AS n
    ) AS numbered
) AS placed, LATERAL (SELECT name::uuid AS id, coalesce(alive, 'completed') AS status) AS made"""


@dataclass(frozen=True)
class Size:
    """How much there is."""

    buffered: int
    instances: int
    orgs: int

    def __str__(self) -> str:
        return f"{self.buffered:,} buffered, {self.instances:,} instances, {self.orgs:,} orgs"


NOTHING = Size(0, 0, 0)


def grow(size: Size, before: Size = NOTHING, until: float = math.inf) -> Size:
    """Have so much instead of what was there before; return it with as many entries as there was time to buffer."""
    if before == NOTHING:
        empty()
    make_orgs(before.orgs, size.orgs)
    with beside(lambda: fill_rows(before.instances, size)):
        buffered = before.buffered + fill_buffer(size.buffered - before.buffered, size.orgs, until)
    fill_flow()
    settle()
    refresher.forget()
    refresher.refresh()
    return Size(buffered, size.instances, size.orgs)


def empty() -> None:
    buffer.empty()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE workflows_instance, workflows_event, workflows_outbox, workflows_storm CASCADE")
        cursor.execute("TRUNCATE workflows_organization CASCADE")
        cursor.execute("TRUNCATE workflows_shard CASCADE")


def make_orgs(before: int, orgs: int) -> None:
    """Make the orgs that benchmarks' arrivals come from, one environment each; the first time shards and storms too."""
    scopes = arrivals.scopes(orgs)[before:]
    named = list(enumerate(scopes, before))
    Organization.objects.bulk_create(
        Organization(id=UUID(scope.org), slug=f"org-{number}", name=f"Org {number}") for number, scope in named
    )
    OrganizationFlags.objects.bulk_create(OrganizationFlags(org_id=UUID(scope.org), mode="on") for scope in scopes)
    Environment.objects.bulk_create(
        Environment(id=UUID(scope.env), org_id=UUID(scope.org), slug="production") for scope in scopes
    )
    if before == 0:
        now = timezone.now()
        lease = now + timedelta(hours=1)
        Shard.objects.bulk_create(
            Shard(index=each, owner=f"pump-{each}", epoch=1, deadline=lease) for each in range(SHARDS)
        )
        Storm.objects.bulk_create(storm(number, scopes[number % len(scopes)].env) for number in range(STORMS))


def storm(number: int, env: str) -> Storm:
    now, org = timezone.now(), Environment.objects.get(pk=env).org_id
    event = f"order.changed-{number}"
    named = {"org_id": org, "env_id": UUID(env), "definition": "review-1", "event_type": event}
    return Storm(**named, limit=50, suppressed=1_000, peak=50, opened_at=now, last_at=now)


def fill_rows(before: int, size: Size) -> None:
    given = {"orgs": size.orgs, "definitions": DEFINITIONS, "shards": SHARDS}
    with connection.cursor() as cursor:
        cursor.execute(FILL, {**given, "first": before + 1, "last": size.instances})


def fill_buffer(count: int, orgs: int, until: float) -> int:
    """Have so many triggers buffered, of the orgs in turn, or as many as there is time for; return how many."""
    scopes, rollout = arrivals.scopes(orgs), Rollout(Mode.ON, enrolled=True, limits=arrivals.UNLIMITED)
    tenants = [(UUID(scope.org), UUID(scope.env)) for scope in scopes]
    # A snapshot is opaque to the buffer: those of an org may be alike.
    snapshots = [snapshot.encode(made) for made in triggers.make(orgs, payload=b'{"order":1}', tenants=tenants)]
    for at in range(0, count, AT_ONCE):
        if time.monotonic() > until:
            return at
        numbers = [number % orgs for number in range(at, min(at + AT_ONCE, count))]
        buffer.accept([Arrival(uuid7(), scopes[each], rollout, snapshots[each]) for each in numbers])
    return count


def fill_flow() -> None:
    """Have something enter and leave in every second that the Overview draws."""
    client = buffer.redis()
    minute = int(time.time()) // 60
    for each in range(minute - FLOW_MINUTES, minute + 1):
        fields = {f"{kind}{second}": 10 for kind in "iow" for second in range(60)}
        client.hset(f"{keys.key('flow')}{each}", mapping=fields)


def settle() -> None:
    """Leave the table as one that has been vacuumed since."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE workflows_instance")
        cursor.execute("CHECKPOINT")


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Do some work in another thread meanwhile, on a connection of its own."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failed:
        raise failed[0]
