"""Delete a definition: what is buffered of it, then its instances with their logs, and what was set of it.

In this order nothing is left behind: an entry can't become an instance after its kin is gone, what runs is cancelled,
and an instance goes only after its parent and its children have heard of its end. A repeat goes on with what is left.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from workflows import conf, engine, eventlog, registry
from workflows.cleanup import backlog, batches, finished
from workflows.cleanup.acts import Work
from workflows.cleanup.batches import Batch, Tally, Walk
from workflows.intake import clearing, refresher, relay
from workflows.models import Definition, Instance, Schedule
from workflows.states import Status

WAITING = (Status.PENDING, Status.PAUSED, Status.WAITING)
# What was between two states is found the next time round.
ROUNDS = 3
RELAYS = 100

# Few run at a time, so this reads little of the index of what is unfinished.
RUNNING = """
SELECT id FROM workflows_instance
WHERE status = 'running' AND finished_at IS NULL AND definition = %s AND id > %s ORDER BY id LIMIT %s"""
OWED = "SELECT DISTINCT instance_id FROM workflows_outbox WHERE instance_id = ANY (%s::uuid[])"
OWING = """
SELECT 1 FROM workflows_outbox o JOIN workflows_instance i ON i.id = o.instance_id WHERE i.definition = %s LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Active:
    """New instances of it may start any moment, so it can't be deleted."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No code registers it, nothing is set of it, and there is no instance of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many there are of a definition, by what is done with them, and how many schedules name it."""

    buffered: int
    unfinished: int
    finished: int
    schedules: int

    @property
    def count(self) -> int:
        return self.buffered + self.unfinished + self.finished


@dataclass(slots=True)
class Deleted:
    """What went. `left`: instances that are still there, since somebody holds them or waits for their end."""

    buffered: int = 0
    cancelled: int = 0
    instances: int = 0
    events: int = 0
    left: int = 0
    settings: bool = False


def refusal(slug: str) -> Active | Unknown | None:
    """Say why a definition can't be deleted, if it can't."""
    row = Definition.objects.filter(slug=slug).first()
    registered = registry.latest(slug) is not None
    if row.active if row else registered:
        return Active()
    if row is None and not registered and not Instance.objects.filter(definition=slug).exists():
        return Unknown()
    return None


def count(slug: str) -> Found:
    """Count what there is of a definition now.

    Raises:
        LookupUnavailable: the buffer does not answer.
    """
    before = _end_of_time()
    waiting = backlog.count(backlog.Selection(before=before, workflows=(slug,), statuses=WAITING)).count
    running = batches.walk(lambda after: _look_at_running(slug, after), Walk()).done
    return Found(
        buffered=clearing.count(_entries(slug)).count,
        unfinished=waiting + running,
        finished=finished.count(finished.Selection(before=before, workflows=(slug,))),
        schedules=Schedule.objects.filter(definition=slug).count(),
    )


def delete(slug: str, reason: str, *, actor: str, how: Walk, batch: int | None = None) -> Work:
    """Delete it, `batch` instances in one transaction; the tally counts those that are gone.

    What was set of it goes last, unless code still registers it: without its row it would be active again.

    Raises:
        LookupUnavailable: the buffer does not answer; what is done stays.
    """
    deleted = Deleted()
    tally = _stop_everything(slug, reason, actor, how, batch, deleted)
    if tally.after is None and not tally.stopped:
        _tell_families(slug, how)
        tally = _delete_rows(slug, how, batch, deleted)
    if tally.complete and registry.latest(slug) is None:
        deleted.settings = _forget_settings(slug)
    return Work(tally, asdict(deleted))


def _stop_everything(slug: str, reason: str, actor: str, how: Walk, batch: int | None, deleted: Deleted) -> Tally:
    """Take it out of the buffer and cancel what has not finished; the tally says only whether that ended early."""
    quietly = replace(how, record=None, told=batches.quiet)
    selection = backlog.Selection(before=_end_of_time(), workflows=(slug,), statuses=WAITING)
    for _ in range(ROUNDS):
        buffered = clearing.remove(clearing.find(_entries(slug)), quietly)
        deleted.buffered += buffered.done
        cancelled = backlog.cancel(selection, reason, actor=actor, how=quietly, batch=batch)
        cancelled += batches.walk(lambda after: _cancel_running(slug, reason, actor, after), quietly)
        deleted.cancelled += cancelled.done
        ended_early = replace(buffered + cancelled, done=0)
        if ended_early.after is not None or ended_early.stopped or not buffered.done + cancelled.done:
            return ended_early
    return ended_early


def _tell_families(slug: str, how: Walk) -> None:
    """Have parents told and children cancelled, whether or not a pump runs that would do it."""
    for _ in range(RELAYS):
        if how.stop() or not eventlog.execute(OWING, (slug,)) or not relay.deliver(conf.current().outbox_batch):
            return


def _delete_rows(slug: str, how: Walk, batch: int | None, deleted: Deleted) -> Tally:
    selection = finished.Selection(before=_end_of_time(), workflows=(slug,))
    tally, gone = finished.delete(selection, how, buffered=_not_yet, batch=batch)
    deleted.instances, deleted.events = tally.done, gone.events
    if tally.after is None and not tally.stopped:
        deleted.left = Instance.objects.filter(definition=slug)[: conf.current().cleanup_batch].count()
        tally = replace(tally, busy=deleted.left)
    return tally


def _not_yet(ids: Sequence[UUID]) -> set[UUID]:
    """Return those that are still buffered, or whose end somebody has still to be told."""
    return clearing.buffered_among(ids) | {row[0] for row in eventlog.execute(OWED, (list(ids),))}


def _look_at_running(slug: str, after: UUID) -> Batch:
    ids = _running(slug, after)
    return Batch(len(ids), ids[-1] if ids else None)


def _cancel_running(slug: str, reason: str, actor: str, after: UUID) -> Batch:
    ids = _running(slug, after)
    outcomes = [engine.cancel(id_, reason, actor=actor) for id_ in ids]
    done = sum(isinstance(outcome, engine.Cancelled) for outcome in outcomes)
    return Batch(done, ids[-1] if ids else None)


def _running(slug: str, after: UUID) -> list[UUID]:
    return [row[0] for row in eventlog.execute(RUNNING, (slug, after, conf.current().group_instances))]


def _entries(slug: str) -> clearing.Selection:
    return clearing.Selection(envs=tuple(refresher.refresh().envs.values()), workflows=(slug,))


def _forget_settings(slug: str) -> bool:
    row = Definition.objects.filter(slug=slug, active=False).first()
    if row is None:
        return False
    row.delete()
    return True


def _end_of_time() -> datetime:
    """Return a moment that is after everything, whatever the clocks of the servers say."""
    return datetime.now(UTC) + timedelta(days=366)
