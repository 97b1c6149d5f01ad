"""Watch what the stores say of the buffer and the gate, and tell when trouble begins and when it has ended.

A condition begins with the first look that sees it. It ends with the first that does not, once it was not seen for
WATCH_QUIET_SECONDS, so that what flickers is told of once. Any number of processes may look.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from mollifier import conf as mollifier_conf
from mollifier import stats, telemetry
from mollifier.errors import BufferUnavailable
from workflows import conf, notices
from workflows.models import Watch
from workflows.notices import Notice

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: whether the condition holds, how bad it is, and what to tell if this begins it."""

    holds: bool
    amount: int = 0
    counter: int | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """What is looked at, and what is told. `look` takes its row; None: nobody can say now."""

    name: str
    look: Callable[[Watch], Look | None]
    begins: Notice
    ends: Notice
    # Whether the amounts of looks add up, or the largest of them counts.
    adds: bool
    amount: str


def look(now: datetime | None = None) -> dict[str, str]:
    """Look at each condition once, and tell of those that begin or end. A schedule."""
    return {each.name: _look_at(each, now or datetime.now(UTC)) for each in CONDITIONS}


def _look_at(condition: Condition, now: datetime) -> str:
    """Look, and return what came of it: begins, goes on, fades, ends, is well, or unknown."""
    Watch.objects.get_or_create(name=condition.name)
    with transaction.atomic():
        row = Watch.objects.select_for_update().get(name=condition.name)
        seen = condition.look(row)
        if seen is None:
            return "unknown"
        if seen.counter is not None:
            row.counter = seen.counter
        came = _weigh(condition, row, seen, now)
        row.save()
    if came in {"begins", "ends"}:
        log.warning("workflows.condition_changed", condition=condition.name, came=came, amount=row.most)
    return came


def _weigh(condition: Condition, row: Watch, seen: Look, now: datetime) -> str:
    if seen.holds:
        began = row.began_at is None
        row.most = seen.amount if began else _worse(condition, row.most, seen.amount)
        row.began_at, row.seen_at = row.began_at or now, now
        if began:
            notices.tell(condition.begins, None, {"began_at": now, condition.amount: seen.amount, **seen.told})
        return "begins" if began else "goes on"
    if row.began_at is None or row.seen_at is None:
        return "is well"
    if condition.adds:
        row.most += seen.amount
    if now - row.seen_at < timedelta(seconds=conf.current().watch_quiet_seconds):
        return "fades"
    times = {"began_at": row.began_at, "last_seen_at": row.seen_at, "ended_at": now}
    notices.tell(condition.ends, None, {**times, condition.amount: row.most})
    row.began_at = None
    return "ends"


def _worse(condition: Condition, before: int, now: int) -> int:
    return before + now if condition.adds else max(before, now)


def _look_at_gate(row: Watch) -> Look:
    """The gate fails open while triggers pass because Redis did not answer in time, or while it does not answer us."""
    try:
        counter = stats.counters().get(telemetry.FAILED_OPEN, 0)
    except BufferUnavailable:
        return Look(holds=True, told={"redis": "unavailable"})
    before = counter if row.counter is None else row.counter
    # A counter that went back began anew.
    passed = counter - before if counter >= before else counter
    holds = passed >= max(1, conf.current().watch_failed_open)
    return Look(holds, passed, counter, {"redis": "ok"})


def _look_at_buffer(_row: Watch) -> Look | None:
    """The buffer is stale while the sweep's last count found entries that waited too long."""
    overview = stats.overview()
    if not overview.available:
        return None
    told = {
        "queued": overview.queued,
        "oldest_age_seconds": overview.oldest_age_seconds,
        "stale_after_seconds": mollifier_conf.current().sweep_stale_seconds,
    }
    return Look(overview.stale > 0, overview.stale, told=told)


CONDITIONS = (
    Condition("gate", _look_at_gate, Notice.GATE_TRIPPED, Notice.GATE_RECOVERED, True, "failed_open"),
    Condition("buffer", _look_at_buffer, Notice.BUFFER_STALE, Notice.BUFFER_RECOVERED, False, "stale"),
)
