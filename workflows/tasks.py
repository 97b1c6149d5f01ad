"""What django-q2 runs for the engine: pumps, their look-out, the outbox sweep, replays, and bulk actions."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.tasks import async_task

from workflows import audit, conf
from workflows import pump as pumps
from workflows.audit import AuditOutcome
from workflows.cleanup import acts
from workflows.cleanup.batches import Walk
from workflows.cleanup.locks import LockHeld
from workflows.intake import bulk, outside, slices, suppressed
from workflows.models import Storm
from workflows.pump import leases

CLUSTER = "pump"
LOOK_SECONDS = 0.25
SWEEP_BATCHES = 50


def pump(shard: int) -> None:
    """Run a shard's pump until the cluster stops; return at once if another pump proves to be alive."""
    pumps.run(shard, stop_flag(), outside)


def ensure_pumps() -> list[int]:
    """Enqueue a pump for each shard that has none, and return those shards.

    A lease that still runs proves nothing, its owner may have been killed: it is watched until a heartbeat moves it
    or it lapses.
    """
    if get_broker(CLUSTER).queue_size() >= conf.current().shards:
        return []
    enqueued: list[int] = []
    watched = leases.deadlines()
    pause = threading.Event()
    while True:
        lapsed = [shard for shard in leases.lapsed_shards() if shard not in enqueued]
        for shard in lapsed:
            async_task("workflows.tasks.pump", shard, q_options={"cluster": CLUSTER, "timeout": -1, "save": False})
        enqueued += lapsed
        now = leases.deadlines()
        watched = {shard: at for shard, at in watched.items() if now.get(shard) == at and shard not in enqueued}
        if not watched:
            return enqueued
        pause.wait(LOOK_SECONDS)


def deliver_outbox() -> int:
    """Settle what pumps left in the outbox, in bounded batches; return how many rows."""
    batch = conf.current().outbox_batch
    total = 0
    for _ in range(SWEEP_BATCHES):
        settled = outside.relay(batch)
        total += settled
        if settled < batch:
            break
    return total


def replay_storm(storm_id: int, limit: int, rate: float, requested: int) -> dict[str, Any]:
    """Submit again what a storm suppressed, as was requested; that audit record says what became of it."""
    storm, stop = Storm.objects.get(pk=storm_id), stop_flag()
    try:
        done = acts.carry_out(
            audit.asked(requested),
            lambda record: suppressed.replay(storm, limit=limit, rate=rate, how=Walk(record=record, stop=stop)),
            requested,
        )
    except LockHeld as error:
        audit.end(requested, AuditOutcome.INTERRUPTED, {"error": str(error)})
        return {"replayed": False}
    return dict(done.work.detail)


def run_bulk(id_: str) -> bool | None:
    """Work on a bulk action for a slice and hand on to the next task; see `slices.run`."""
    stop = stop_flag()
    try:
        ended = slices.run(UUID(id_), stop)
    except LockHeld:
        return None
    if ended is False and not stop():
        bulk.wake(UUID(id_))
    return ended


def stop_flag() -> Callable[[], bool]:
    """Return what says that this process was asked to stop; the host names it in the settings."""
    path = conf.current().stop_flag
    if not path:
        return _never
    flag: Callable[[], bool] = import_string(path)
    return flag


def _never() -> bool:
    return False
