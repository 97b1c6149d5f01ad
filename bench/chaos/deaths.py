"""Pumps that die: killed amid work, taken down by a step of their own. What must hold then."""

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from bench import triggers
from bench.chaos import crew, logs, stage
from bench.chaos.crew import Pump
from bench.chaos.report import Part
from workflows import conf, engine
from workflows.models import Event, Instance, Shard
from workflows.pump import leases
from workflows.rows import Draft
from workflows.states import EventType, Status

AMID, STEPS = 500, 20
NEIGHBOURS = 100
PATIENCE_SECONDS, POLL_SECONDS = 90.0, 0.01
# The one that waits looks this often; and what a busy machine may add.
STANDBY_SECONDS, ALLOWANCE_SECONDS = 0.25, 0.75


def killed(instances: int = AMID) -> Part:
    """Kill -9 the pump of a shard amid its instances while another stands by."""
    part = Part("kill", f"kill -9 of a pump amid {instances} instances of {STEPS} steps, another stands by")
    began = time.monotonic()
    # Parts before this one have left an epoch; the first pump must have the shard before the other asks for it.
    before = owned()
    with crew.pumping((0,)) as first:
        wait_for(lambda: owned() > before)
        with crew.pumping((0,), name="standby") as second:
            ids = start("steps", b'{"n":%d}' % STEPS, instances)
            wait_for(lambda: recorded(ids) >= instances * STEPS // 4)
            epoch = owned()
            first[0].kill()
            at = time.monotonic()
            wait_for(lambda: owned() > epoch)
            takeover = time.monotonic() - at
            stage.await_all(ids, PATIENCE_SECONDS)
            unexpected = [line for pump in (*first, *second) for line in pump.unexpected()]
    bound = conf.current().lease_ms / 1000 + STANDBY_SECONDS + ALLOWANCE_SECONDS
    if takeover > bound:
        unexpected.append(f"the takeover took {takeover:.2f} s, its bound is {bound:.2f} s")
    seen = {"takeover_seconds": round(takeover, 3), "recorded_steps": recorded(ids), "of": instances * STEPS}
    return replace(
        stage.judged(replace(part, seen=seen), ids),
        seconds=round(time.monotonic() - began, 2),
        unexpected=tuple(unexpected),
    )


def crashed(neighbours: int = NEIGHBOURS) -> Part:
    """Have a step kill its process each time; whoever supervises starts the pump again."""
    part = Part("crash_loop", f"a step that kills its pump, beside {neighbours} instances of {STEPS} steps")
    began = time.monotonic()
    culprit = start("chaos-crash", b"{}", 1)
    beside = start("steps", b'{"n":%d}' % STEPS, neighbours)
    deaths = 0
    with crew.pumping((0,)) as pumps:
        deadline = began + PATIENCE_SECONDS
        while logs.unfinished([*culprit, *beside]) and time.monotonic() < deadline:
            deaths += revived(pumps[0])
            time.sleep(POLL_SECONDS)
        unexpected = pumps[0].unexpected()
    ended = Instance.objects.get(id=culprit[0])
    if (ended.status, ended.error_code) != (Status.SYSTEM_FAILURE, "crash_loop"):
        unexpected.append(f"the culprit is {ended.status} {ended.error_code}, not a crash_loop")
    if deaths > conf.current().max_takeovers:
        unexpected.append(f"it took {deaths} pumps with it, {conf.current().max_takeovers} are allowed")
    judged = stage.judged(replace(part, seen={"deaths": deaths}), [*culprit, *beside], excused=culprit)
    return replace(judged, seconds=round(time.monotonic() - began, 2), unexpected=tuple(unexpected))


def revived(pump: Pump) -> bool:
    """Start a pump again if it is dead; say whether it was."""
    if pump.runs():
        return False
    pump.start()
    return True


def start(definition: str, payload: bytes, count: int) -> list[UUID]:
    made = triggers.make(count, definition=definition, payload=payload, shards=1)
    engine.start_many([Draft(trigger) for trigger in made])
    return [trigger.id for trigger in made]


def held(shards: int) -> bool:
    """Say whether so many shards have a live pump."""
    return conf.current().shards - len(leases.lapsed_shards()) >= shards


def owned() -> int:
    """Return the epoch of shard 0."""
    return Shard.objects.filter(index=0).values_list("epoch", flat=True).first() or 0


def recorded(ids: list[UUID]) -> int:
    return Event.objects.filter(instance_id__in=ids, type=EventType.STEP_COMPLETED).count()


def wait_for(condition: Callable[[], bool]) -> None:
    """Look until it holds.

    Raises:
        TimeoutError: it did not in good time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the stress run waited in vain")
        time.sleep(POLL_SECONDS)
