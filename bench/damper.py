"""B12: the damper's look (this event's instance, an open storm, the live backlog) against a lookup by primary key.

Every row of the table is live: half of them are of one group, the rest of twenty others. Both statements are prepared
under a generic plan, and sent so many at a time in one message that their time is the server's.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django_redis import get_redis_connection

from bench import result, rounds
from bench.result import Result, Samples, Target
from bench.rounds import Clock
from workflows import eventlog
from workflows.intake import damper, groups, preflight, refresher
from workflows.intake.preflight import Ready
from workflows.models import Environment, Organization
from workflows.storms import Group
from workflows.trigger import Origin, Request, Source

ROWS = (1_000, 100_000, 1_000_000)
ROUNDS, AT_ONCE, CALLS = 200, 100, 500
LIMIT, WINDOW_SECONDS = 50, 6 * 3600
DEFINITION, FULL, EMPTY = "noop", "bench.full", "bench.empty"
MICROSECONDS = 1_000_000
TARGET, FLAT = Target(1.5, at_least=False), Target(1.5, at_least=False)

FILL = """
INSERT INTO workflows_instance (
    id, org_id, env_id, definition, version, status, source, shard, tags, metadata, root_id, depth, accepted_at,
    created_at, epoch, takeovers, last_seq, last_event_at, log_bytes, wake_at, event_type, event_key)
SELECT id, %(org)s, %(env)s, %(definition)s, 1, 'waiting', 'event', n %% 4, '{}', '{}', id, 0, at, at, 0, 0, 1, at, 40,
    at + interval '1 day', CASE WHEN n %% 2 = 0 THEN %(full)s ELSE 'bench.other-' || n %% 20 END, 'key-' || n
FROM (
    SELECT n, md5(n::text)::uuid AS id, now() - random() * interval '1 hour' AS at
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
) AS made"""
KINDS = {
    "org_id": "uuid",
    "env_id": "uuid",
    "definition": "text",
    "event_type": "text",
    "window_seconds": "float8",
    "limit": "bigint",
    "ids": "uuid[]",
}
LOOKUP = "SELECT id FROM workflows_instance WHERE id = %(id)s"


@dataclass(frozen=True)
class Place:
    """The environment whose groups are looked at."""

    org_id: UUID
    env_id: UUID

    def group(self, type_: str) -> Group:
        return Group(self.org_id, self.env_id, DEFINITION, type_)


def against_a_lookup(clock: Clock) -> list[Result]:
    """B12: with more and more live rows, a group at its limit and one that is empty; then the path under the lock."""
    place = prepare()
    parts: list[Result] = []
    before = 0
    for number, rows in enumerate(ROWS, 1):
        fill(place, before, rows)
        before = rows
        share = Clock(max(0.0, clock.ends_at - clock.now()) / (len(ROWS) + 1 - number) / 3)
        for name, type_ in (("full", FULL), ("empty", EMPTY)):
            what = f"a look at a group that is {name}, {rows:,} live rows, against a lookup by primary key"
            samples = compared(place, type_, rows, share)
            parts.append(result.make(f"B12.{name}_{rows}", f"{what}: the server's time", "us", samples, TARGET))
            samples = as_called(place, type_, rows)
            parts.append(result.make(f"B12.{name}_{rows}_called", f"{what}: its caller's", "us", samples, TARGET))
    last, first = parts[-4], parts[0]
    flat = Samples(in_lookups(last), in_lookups(first))
    what = f"what a look at a group that is full takes in lookups, with {ROWS[-1]:,} live rows, against {ROWS[0]:,}"
    main = result.make("B12", last.what, "us", last.samples, TARGET)
    return [main, *parts, result.make("B12.flat", what, "x", flat, FLAT), *called(place)]


def in_lookups(part: Result) -> tuple[float, ...]:
    """Return the looks of a part in lookups of the same round, so that what the machine did in between is left out."""
    return tuple(ours / against for ours, against in zip(part.samples.ours, part.samples.against, strict=True))


def prepare() -> Place:
    """Empty the tables, make an environment, and prepare both statements for plans that any values share."""
    get_redis_connection("buffer").flushdb()
    org, _ = Organization.objects.get_or_create(slug="damped", defaults={"name": "Damped"})
    env = Environment.objects.create(org=org, slug=uuid.uuid4().hex[:12])
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE workflows_instance, workflows_event, workflows_outbox, workflows_storm CASCADE")
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute("DEALLOCATE ALL")
        numbered = {name: f"${number}" for number, name in enumerate(KINDS, 1)}
        cursor.execute(f"PREPARE look ({', '.join(KINDS.values())}) AS {groups.LOOK % numbered}")
        cursor.execute(f"PREPARE lookup (uuid) AS {LOOKUP % {'id': '$1'}}")
    return Place(org.id, env.id)


def fill(place: Place, before: int, rows: int) -> None:
    """Have so many live rows, as a table that has been vacuumed since."""
    given: dict[str, Any] = {"org": place.org_id, "env": place.env_id, "definition": DEFINITION, "full": FULL}
    with connection.cursor() as cursor:
        cursor.execute(FILL, {**given, "first": before + 1, "last": rows})
        cursor.execute("VACUUM ANALYZE workflows_instance")
        cursor.execute("CHECKPOINT")


def compared(place: Place, type_: str, rows: int, clock: Clock) -> Samples:
    """Return microseconds of a look and of a lookup, each sent many at a time, by turns."""
    look = script([executed_look(place, type_) for _ in range(AT_ONCE)])
    lookup = script([f"EXECUTE lookup ('{id_}')" for id_ in known(rows, AT_ONCE)])
    look()
    lookup()
    return rounds.in_turn(clock, ROUNDS, look, lookup)


def as_called(place: Place, type_: str, rows: int) -> Samples:
    """Return microseconds of both as the service calls them, one by one, by turns."""
    values = [
        (place.org_id, place.env_id, DEFINITION, type_, WINDOW_SECONDS, LIMIT, [uuid.uuid4()]) for _ in range(CALLS)
    ]
    given = [dict(zip(KINDS, each, strict=True)) for each in values]
    ids = known(rows, CALLS)
    ours, against = rounds.by_turns(
        CALLS,
        lambda number: eventlog.execute(groups.LOOK, given[number]),
        lambda number: eventlog.execute(LOOKUP, {"id": ids[number % len(ids)]}),
    )
    return Samples((ours * MICROSECONDS,), (against * MICROSECONDS,))


def executed_look(place: Place, type_: str) -> str:
    """Return the text that runs the prepared look of an event that was not submitted before."""
    values = (place.org_id, place.env_id, DEFINITION, type_, WINDOW_SECONDS, LIMIT, f"{{{uuid.uuid4()}}}")
    return "EXECUTE look ({})".format(", ".join(f"'{value}'" for value in values))


def known(rows: int, count: int) -> Sequence[UUID]:
    """Return ids of so many of the rows, from all over the index."""
    step = max(1, rows // count)
    return [UUID(hashlib.md5(str(number).encode()).hexdigest()) for number in range(1, rows + 1, step)][:count]


def script(statements: Sequence[str]) -> Callable[[], float]:
    """Return what sends the statements in one message and tells the microseconds of one."""
    text = "; ".join(statements)

    def send() -> float:
        with connection.cursor() as cursor:
            began = time.perf_counter()
            cursor.execute(text)
            return (time.perf_counter() - began) / len(statements) * MICROSECONDS

    return send


def called(place: Place) -> list[Result]:
    """Record what a caller waits: a look without the lock, which refuses, and room under it; against a lookup."""
    full, empty = ready(place, FULL), ready(place, EMPTY)
    (id_,) = known(ROWS[-1], 1)

    def lookup(_: int) -> None:
        eventlog.execute(LOOKUP, {"id": id_})

    def refused(_: int) -> None:
        assert isinstance(damper.refuse([full])[0], damper.Refused)

    def locked(_: int) -> None:
        assert damper.refuse([empty]) == [None]
        with damper.room([empty]) as held:
            assert isinstance(held[0], Ready)

    parts = []
    for name, what, call in (
        ("refused", "a refusal, Redis and the way there included", refused),
        ("locked", "room under the group's lock: both stores looked at twice, and a transaction", locked),
    ):
        ours, against = rounds.by_turns(CALLS, call, lookup)
        samples = Samples((ours * MICROSECONDS,), (against * MICROSECONDS,))
        parts.append(result.make(f"B12.{name}", f"{what}, against a lookup as its caller sees it", "us", samples))
    return parts


def ready(place: Place, type_: str) -> Ready:
    """Return a trigger of an event of this type, as submission hands it to the damper."""
    refresher.refresh()
    origin = Origin(type=type_, key="bench", limit=LIMIT, window_seconds=WINDOW_SECONDS)
    request = Request(
        org_id=place.org_id,
        env_id=place.env_id,
        definition=DEFINITION,
        payload=b"{}",
        source=Source.EVENT,
        origin=origin,
    )
    made = preflight.check(request)
    assert isinstance(made, Ready), made
    return made
