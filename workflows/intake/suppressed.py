"""What storms suppressed: submit it again, at a rate and through the damper; and close a storm by hand."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from django.db import transaction
from django_q.tasks import async_task

from workflows import audit, storms
from workflows.audit import Act, Actor, AuditOutcome
from workflows.cleanup.acts import Work
from workflows.cleanup.batches import FIRST, Tally, Walk
from workflows.intake import damper, events, preflight, refresher, submission
from workflows.intake.outcome import Buffered, Existing, Mismatch, Rejected, Started, Submission
from workflows.intake.preflight import Ready
from workflows.lineage import Lineage, Loop
from workflows.models import Storm
from workflows.storms import Kept
from workflows.trigger import Origin, Request, Trigger

log = structlog.get_logger(__name__)

RUN = "workflows.tasks.replay_storm"
PAGE = 100
# What is wrong with the definition, and so with all that is kept: once it is mended the replay goes on.
MENDABLE = frozenset({"definition_not_found", "definition_inactive", "preflight"})
# How soon a replay that waits for its next turn sees that it is to stop.
LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Replayed:
    """What a replay came to. `held_up` says why it ended early; the same replay again goes on from there."""

    started: int = 0
    buffered: int = 0
    existing: int = 0
    rejected: int = 0
    held_up: str = ""
    stopped: bool = False

    @property
    def done(self) -> int:
        return self.started + self.buffered + self.existing + self.rejected


def replay(storm: Storm, *, limit: int, rate: float, how: Walk) -> Work:
    """Submit up to `limit` kept triggers of a storm, the oldest first, `rate` a second.

    Each goes through the damper, and the first that has no room ends the replay. What has an instance is found, not
    started again; each that is done is marked, so a repeat goes on with the next.
    """
    report = Replayed()
    for kept in _paced(storm.pk, limit, rate, how, report):
        outcome = _submit(storm, kept.trigger)
        if isinstance(outcome, str):
            report.held_up = outcome
            break
        _note(report, outcome)
        with transaction.atomic():
            storms.mark_replayed(storm.pk, kept.number)
            if how.record is not None:
                audit.add(how.record, 1)
        how.told(1)
    tally = Tally(done=report.done, stopped=report.stopped, after=FIRST if report.held_up else None)
    words = ("started", "buffered", "existing", "rejected", "held_up")
    return Work(tally, {**{word: getattr(report, word) for word in words}, "left": storms.count_kept(storm.pk)})


def request(storm: Storm, act: Act, *, limit: int, rate: float) -> bool:
    """Have it replayed in the background, with an audit record from now on; False when the queue can't be reached."""
    with transaction.atomic(durable=True):
        record = audit.request(act)
    try:
        async_task(RUN, storm.pk, limit, rate, record)
    except Exception as error:  # noqa: BLE001 - brokers raise what they like
        log.warning("workflows.replay_not_queued", storm_id=storm.pk, error=str(error))
        audit.end(record, AuditOutcome.FAILED, {"error": "The queue could not be reached."})
        return False
    return True


def act(verb: str, storm: Storm, actor: Actor, reason: str) -> Act:
    """Tell the audit what is done with a storm, and of whose it is."""
    return Act(
        verb=verb,
        actor=actor,
        reason=reason,
        filter={"storm": storm.pk},
        target=f"{storm.env.slug}: {storm}"[:200],
        org_id=storm.org.id,
    )


def close(storm: Storm, act: Act) -> bool:
    """Close a storm by hand, with an audit record; False when it was closed already."""
    with transaction.atomic():
        if not storms.close(storm.pk, act.actor.name):
            return False
        audit.note(act)
    return True


def _paced(storm_id: int, limit: int, rate: float, how: Walk, report: Replayed) -> Iterator[Kept]:
    """Yield what is kept, in pages, each when its time has come."""
    began, turn, pause = time.monotonic(), 0, threading.Event()
    while turn < limit and (page := storms.list_kept(storm_id, min(PAGE, limit - turn))):
        for kept in page:
            while (wait := began + turn / rate - time.monotonic()) > 0 and not how.stop():
                pause.wait(min(wait, LOOK_SECONDS))
            if how.stop():
                report.stopped = True
                return
            turn += 1
            yield kept


def _submit(storm: Storm, trigger: Trigger) -> Submission | str:
    """Submit one, or say what holds it up; a refusal must not be counted, and kept, as one more."""
    request = request_of(storm, trigger)
    ready = preflight.check(request)
    if isinstance(ready, Ready) and (full := damper.probe(ready)):
        return full.message
    outcome = submission.submit(request)
    match outcome:
        case Rejected(code, message) if code in MENDABLE:
            return message
        case Started() | Buffered() | Existing() | Rejected() | Mismatch():
            return outcome
        case submission.Throttled(_, message):
            return message
        case refused:
            return f"{type(refused).__name__.lower()}; try again later"


def _note(report: Replayed, outcome: Submission) -> None:
    match outcome:
        case Started():
            report.started += 1
        case Buffered():
            report.buffered += 1
        case Existing() | Mismatch():
            report.existing += 1
        case _:
            report.rejected += 1


def request_of(storm: Storm, trigger: Trigger) -> Request:
    """Make the request again that a suppressed trigger came of; its loop policy has let it pass."""
    parent = None
    if trigger.parent_id is not None:
        parent = Lineage(trigger.parent_id, trigger.root_id, None, trigger.depth - 1, trigger.chain)
    known = refresher.current().definition(trigger.definition)
    return Request(
        id=trigger.id,
        org_id=trigger.org_id,
        env_id=trigger.env_id,
        definition=trigger.definition,
        payload=trigger.payload,
        source=trigger.source,
        metadata=trigger.metadata,
        tags=trigger.tags,
        run_after=trigger.run_after,
        parent=parent,
        origin=Origin(
            type=trigger.event_type or "",
            key=trigger.event_key or "",
            cause=trigger.cause,
            limit=storm.limit,
            window_seconds=events.window(None, known),
            loop=Loop.ALLOW_ALL,
        ),
    )
