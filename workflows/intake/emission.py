"""The ways in for events: from Python, over HTTP, and later for what could not be submitted at once."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import connection, transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from workflows import conf, eventlog, faults, matching, places, steps
from workflows.intake import events
from workflows.intake.events import BindingOutcome, Emitted
from workflows.intake.refresher import DirectoryUnavailable
from workflows.lineage import Lineage
from workflows.models import EmittedEvent, Environment

log = structlog.get_logger(__name__)

MAX_KEY = 255
UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")
BACKOFF_SECONDS, BACKOFF_MOST_SECONDS = 2, 300
BATCHES = 50

# Who takes a row has it until it is due again, so several sweeps share the work and none is lost with its sweep.
TAKE = """
UPDATE workflows_emittedevent e SET attempts = e.attempts + 1,
    due_at = statement_timestamp() + make_interval(secs => least(%(most)s, %(first)s * 2 ^ least(e.attempts, 20)))
WHERE e.id IN (
    SELECT id FROM workflows_emittedevent WHERE due_at <= statement_timestamp() {only}
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING e.id, e.org_id, e.env_id, e.type, e.key, e.payload::text, e.cause, e.lineage::text"""


class EventInvalid(Exception):
    """What is emitted is no event; it says which part, and what it must be."""

    code = "event_invalid"


@dataclass(frozen=True, slots=True)
class Emission:
    """What became of an event. `kept`: something of it is submitted later; then `outcomes` are those of now."""

    event_id: UUID
    key: str
    outcomes: Sequence[BindingOutcome] = ()
    kept: bool = False


def emit(
    type: str,  # noqa: A002 - the name of the interface
    payload: Any = None,
    *,
    env: Environment,
    key: str | None = None,
    cause: UUID | None = None,
) -> Emission:
    """Emit an event: start the definition of each binding that matches it.

    Inside a transaction it is recorded, and submitted once that is committed. Inside a step it has that instance's
    lineage, and by default a key that is the same when the step runs again.

    Raises:
        EventInvalid: the type, the key or the payload is not what it must be.
        DirectoryUnavailable: nothing is known of bindings, and nothing can be recorded.
    """
    running = steps.running.get()
    event_id = uuid7()
    emitted = Emitted(
        org_id=UUID(str(env.org_id)),
        env_id=env.id,
        type=type,
        payload=encoded(payload),
        key=key or (key_in(running) if running else str(event_id)),
        cause=cause,
        parent=places.of_running(running.instance) if running else None,
    )
    check(emitted)
    if not connection.in_atomic_block:
        return take(event_id, emitted)
    keep(event_id, emitted)
    transaction.on_commit(lambda: deliver(1, only=event_id), robust=True)
    return Emission(event_id, emitted.key, kept=True)


def key_in(running: steps.Running) -> str:
    """Return the key of the next event of a step: the same whenever the step runs again."""
    running.emitted += 1
    return f"{running.instance.id}:{running.correlation_id}:{running.emitted}"


def take(event_id: UUID, emitted: Emitted) -> Emission:
    """Submit an event now, and keep it for later if something of it met a full buffer or an outage."""
    outcomes = events.submit_matching(emitted)
    if events.is_settled(outcomes):
        return Emission(event_id, emitted.key, outcomes)
    keep(event_id, emitted)
    return Emission(event_id, emitted.key, outcomes, kept=True)


def encoded(payload: Any) -> bytes:
    """Return the payload as JSON text.

    Raises:
        EventInvalid: it is not JSON.
    """
    try:
        return msgspec.json.encode(payload)
    except (TypeError, ValueError, RecursionError) as error:
        raise EventInvalid(f"payload: it must be JSON; {error}") from error


def check(emitted: Emitted) -> None:
    """Refuse what can't be stored or matched.

    Raises:
        EventInvalid: it names the part.
    """
    limit = conf.current().max_payload_bytes
    if not matching.is_type(emitted.type):
        raise EventInvalid(f"type: {emitted.type!r} must be words of a-z A-Z 0-9 _ - joined by dots, 100 at most")
    if not 0 < len(emitted.key) <= MAX_KEY or UNSTORABLE.search(emitted.key):
        raise EventInvalid(f"key: it must have 1 to {MAX_KEY} characters, no NUL and no half of one")
    if len(emitted.payload) > limit:
        raise EventInvalid(f"payload: it may have {limit} bytes; this one has {len(emitted.payload)}")


def keep(event_id: UUID, emitted: Emitted) -> None:
    """Record an event that is to be submitted later, in the caller's transaction where there is one."""
    EmittedEvent.objects.create(
        id=event_id,
        org_id=emitted.org_id,
        env_id=emitted.env_id,
        type=emitted.type,
        key=emitted.key,
        payload=msgspec.Raw(emitted.payload),
        cause=emitted.cause,
        lineage=asdict(emitted.parent) if emitted.parent else None,
        due_at=timezone.now(),
    )


def deliver(limit: int, *, only: UUID | None = None) -> int:
    """Submit up to `limit` kept events that are due; return how many. What is still in the way waits longer."""
    statement = TAKE.format(only="AND id = %(only)s" if only else "")
    given = {"limit": limit, "first": BACKOFF_SECONDS, "most": BACKOFF_MOST_SECONDS, "only": only}
    rows = eventlog.execute(statement, given)
    for event_id, org_id, env_id, type_, key, payload, cause, lineage in rows:
        try:
            parent = msgspec.json.decode(lineage, type=Lineage) if lineage else None
            emitted = Emitted(org_id, env_id, type_, payload.encode(), key, cause, parent)
            if events.is_settled(events.submit_matching(emitted)):
                EmittedEvent.objects.filter(id=event_id).delete()
        except DirectoryUnavailable:
            log.warning("workflows.event_delayed", event_id=str(event_id))
        except Exception as error:
            if faults.is_away(error):
                raise
            # One that can't be submitted must not keep all others back.
            log.exception("workflows.event_faulty", event_id=str(event_id))
    return len(rows)


def sweep() -> int:
    """Submit what is kept and due, in bounded batches; return how many events."""
    batch, total = conf.current().outbox_batch, 0
    for _ in range(BATCHES):
        taken = deliver(batch)
        total += taken
        if taken < batch:
            break
    return total
