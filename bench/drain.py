"""B4 and B5: how fast the drainer turns buffered entries into committed rows with their first events.

Every index is on and commits are durable. The drainer runs in this process with the service's settings.
"""

import threading
import time
import uuid
from collections.abc import Sequence

from django.db import connection, transaction
from django.utils.module_loading import import_string
from django_redis import get_redis_connection

from bench import result, rounds, triggers
from bench.result import Result, Target
from bench.rounds import Clock
from mollifier import conf, gate
from mollifier.decision import Arrival, Limits, Mode, Mollify, Reason, Rollout, Scope
from mollifier.drainer import Drainer
from workflows import engine, snapshot
from workflows.models import Instance
from workflows.trigger import Trigger

ROUNDS = 7
ENTRIES = 20_000
STARTS = 1_000
GIVE_UP_SECONDS = 60.0
TENANTS = tuple((uuid.uuid4(), uuid.uuid4()) for _ in range(10))
TABLES = ("workflows_instance", "workflows_event")
UNLIMITED = Rollout(Mode.ON, enrolled=True, limits=Limits())


def against_copy(clock: Clock) -> list[Result]:
    """B4: against COPY of the very same rows into the same tables, all of them in one transaction."""
    # The first drain warms the caches of both servers; its rows are what COPY gets.
    drain(triggers.make(ENTRIES, tenants=TENANTS))
    rows = [copy_out(table) for table in TABLES]
    samples = rounds.in_turn(
        clock, ROUNDS, lambda: drain(triggers.make(ENTRIES, tenants=TENANTS)), lambda: copy_in(rows)
    )
    return [result.make("B4", f"{ENTRIES:,} entries of 10 orgs drained, against COPY", "rows/s", samples, Target(0.6))]


def against_starts(clock: Clock) -> list[Result]:
    """B5: against one engine.start after the other."""
    drain(triggers.make(ENTRIES, tenants=TENANTS))
    samples = rounds.in_turn(
        clock,
        ROUNDS,
        lambda: drain(triggers.make(ENTRIES, tenants=TENANTS)),
        lambda: start_each(triggers.make(STARTS, tenants=TENANTS)),
    )
    return [result.make("B5", f"{ENTRIES:,} entries drained, against engine.start", "rows/s", samples, Target(15))]


def drain(made: Sequence[Trigger]) -> float:
    """Buffer the triggers, then drain them; return rows a second."""
    empty()
    decisions = gate.admit_many([arrival(trigger) for trigger in made], force=Reason.DATABASE_UNAVAILABLE)
    assert all(isinstance(decision, Mollify) for decision in decisions), "not everything was buffered"
    drainer = Drainer(import_string(conf.current().materialiser)(), conf.current())
    # It lingers over the empty buffer before it returns; what counts is when the last entry is settled.
    thread = threading.Thread(target=drainer.run, args=(time.monotonic() + GIVE_UP_SECONDS, 0))
    began = time.monotonic()
    thread.start()
    while drainer.report.settled < len(made) and thread.is_alive():
        time.sleep(0.001)
    seconds = time.monotonic() - began
    thread.join()
    assert drainer.report.settled == len(made) == count(), f"not everything was drained: {drainer.report}"
    return len(made) / seconds


def arrival(trigger: Trigger) -> Arrival:
    scope = Scope(str(trigger.org_id), str(trigger.env_id))
    return Arrival(trigger.id, scope, UNLIMITED, snapshot.encode(trigger))


def start_each(made: Sequence[Trigger]) -> float:
    empty()
    began = time.monotonic()
    for trigger in made:
        engine.start(trigger)
    seconds = time.monotonic() - began
    assert count() == len(made)
    return len(made) / seconds


def copy_out(table: str) -> list[tuple[str | None, ...]]:
    """Return the rows of a table, each value as the text that COPY takes."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        columns = ", ".join(f"{column.name}::text" for column in cursor.description)
        cursor.execute(f"SELECT {columns} FROM {table}")
        return list(cursor.fetchall())


def copy_in(tables: Sequence[list[tuple[str | None, ...]]]) -> float:
    """Copy instances and events back into the emptied tables, row by row; return instances a second."""
    empty()
    began = time.monotonic()
    with transaction.atomic(), connection.cursor() as cursor:
        for table, rows in zip(TABLES, tables, strict=True):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    seconds = time.monotonic() - began
    assert count() == ENTRIES
    return ENTRIES / seconds


def empty() -> None:
    """Forget everything, and write out what earlier rounds left to be written."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE workflows_instance, workflows_event, workflows_outbox")
        cursor.execute("CHECKPOINT")
    get_redis_connection("buffer").flushdb()


def count() -> int:
    return Instance.objects.count()
