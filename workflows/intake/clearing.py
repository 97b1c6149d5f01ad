"""Clear the buffer in bulk: find entries, export them, remove them, or cancel them as instances, page by page.

What a drainer has leased is never touched, nor what was changed since it was read; a repeat goes on with what is left.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from mollifier import pages, removal
from mollifier.entry import Entry, State
from mollifier.errors import BufferUnavailable
from mollifier.removal import Removal
from workflows import audit, conf, engine, eventlog, patch
from workflows.cleanup.batches import FIRST, Tally, Walk
from workflows.intake import deadletters, isolation, lookup, materialiser, refresher
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.rows import Draft, Ending
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid
from workflows.states import Status
from workflows.trigger import Trigger

# States that may be meant; what is leased is a drainer's.
STATES = (State.QUEUED, State.DELAYED, State.FAILED)
# A dead letter could not be written as an instance, so cancelling it can't write one either.
CANCELLABLE = (State.QUEUED, State.DELAYED)
PAGE = 200
SAMPLE = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FORGET_ENDS = "DELETE FROM workflows_outbox WHERE instance_id = ANY (%s::uuid[]) RETURNING 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which entries are meant: all that is given must agree; None asks nothing. `before` is of the acceptance."""

    envs: tuple[Env, ...]
    states: tuple[State, ...] = STATES
    before: datetime | None = None
    workflows: tuple[str, ...] | None = None
    events: tuple[str, ...] | None = None

    def admits(self, found: "Found") -> bool:
        """Say whether an entry is of the wanted definitions and events."""
        return (self.workflows is None or found.definition in self.workflows) and (
            self.events is None or found.event_type in self.events
        )


@dataclass(frozen=True, slots=True)
class Found:
    """An entry that is meant; of one that can't be read `entry` is None. `version` counts its changes."""

    env: Env
    id: UUID
    state: State
    accepted_at: datetime
    version: int
    entry: Entry | None

    @property
    def definition(self) -> str:
        return deadletters.definition_of(self.entry)

    @property
    def event_type(self) -> str | None:
        """Return the type of the emitted event it comes from, if it comes from one and can be read."""
        trigger = trigger_of(self)
        return trigger.event_type if trigger else None

    @property
    def is_cancelled(self) -> bool:
        return self.entry is not None and self.entry.cancel_reason is not None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many entries are meant, by environment, definition and state, with some ids."""

    groups: Counter[tuple[Env, str, State]]
    sample: tuple[UUID, ...]

    @property
    def count(self) -> int:
        return self.groups.total()


def environments(org: str | None = None, env: str | None = None) -> tuple[Env, ...]:
    """Return every environment, or those of an org by its slug, or one of them, as the database has them now."""
    known = refresher.refresh().envs.values()
    return tuple(each for each in known if org in (None, each.org.slug) and env in (None, each.slug))


def find(selection: Selection) -> Iterator[list[Found]]:
    """Yield what is meant, page by page, those accepted last first.

    Raises:
        LookupUnavailable: the buffer does not answer.
    """
    for env in selection.envs:
        before: int | None = None
        while True:
            try:
                page = pages.read(lookup.scope_of(env), None, before, PAGE)
                yield [found for line in page.lines if (found := _meant(selection, env, line))]
            except BufferUnavailable as error:
                raise LookupUnavailable from error
            before = page.before
            if before is None:
                break


def _meant(selection: Selection, env: Env, line: pages.Line) -> Found | None:
    if line.state not in selection.states:
        return None
    accepted_at = EPOCH + timedelta(microseconds=line.seq)
    if selection.before is not None and accepted_at >= selection.before:
        return None
    found = Found(env, line.id, line.state, accepted_at, line.version, line.entry)
    return found if selection.admits(found) else None


def find_alive(selection: Selection) -> Iterator[list[Found]]:
    """Yield of what is meant what was not cancelled yet; raises as `find` does."""
    return ([found for found in page if not found.is_cancelled] for page in find(selection))


def count(selection: Selection, find_: Callable[[Selection], Iterator[list[Found]]] = find) -> Counted:
    """Count what is meant now; raises as `find` does."""
    groups: Counter[tuple[Env, str, State]] = Counter()
    sample: list[UUID] = []
    for page in find_(selection):
        groups.update((found.env, found.definition, found.state) for found in page)
        sample += [found.id for found in page[: SAMPLE - len(sample)]]
    return Counted(groups, tuple(sample))


def remove(pages_: Iterator[list[Found]], how: Walk) -> Tally:
    """Remove entries as they were found: they never become instances, and their idempotency keys are free.

    The tally's `busy` counts those that a drainer took or somebody changed meanwhile.

    Raises:
        LookupUnavailable: the buffer does not answer; pages before that stay removed.
    """
    return _each_page(pages_, how, _remove)


def cancel(selection: Selection, reason: str, how: Walk) -> Tally:
    """Write what is meant as cancelled instances, quietly, and take it out of the buffer; raises as `remove` does.

    A process that dies between the two leaves entries whose rows are there; a drainer then settles them.
    """
    ending = Ending(Status.CANCELLED, "cancelled", reason)
    return _each_page(find_alive(selection), how, lambda page: _cancel(page, ending))


def buffered_among(ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the ids that are still buffered.

    Raises:
        LookupUnavailable: the buffer does not answer.
    """
    try:
        return removal.present(ids)
    except BufferUnavailable as error:
        raise LookupUnavailable from error


def _each_page(found: Iterator[list[Found]], how: Walk, act: Callable[[list[Found]], int]) -> Tally:
    most = conf.current().cleanup_batches if how.most is None else how.most
    tally = Tally()
    for page in found:
        if how.stop() or (page and tally.batches >= most):
            return tally + Tally(after=page[0].id if page else FIRST, stopped=tally.batches < most)
        if not page:
            continue
        try:
            done = act(page)
        except BufferUnavailable as error:
            raise LookupUnavailable from error
        if how.record is not None and done:
            audit.add(how.record, done)
        how.told(done)
        tally += Tally(done, len(page) - done, 1)
    return tally


def _remove(page: list[Found], *, free_keys: bool = True) -> int:
    seen = [(found.id, found.version) for found in page]
    answers = removal.remove(lookup.scope_of(page[0].env), seen, free_keys=free_keys) if seen else []
    # One that is gone is as it should be: a repeat after a lost answer finds it so.
    return sum(answer in (Removal.REMOVED, Removal.NOT_FOUND) for answer in answers)


def _cancel(page: list[Found], ending: Ending) -> int:
    drafts = {found.id: Draft(trigger, ending) for found in page if (trigger := trigger_of(found)) is not None}
    until = time.monotonic() + materialiser.BUDGET_SECONDS
    written = isolation.write(list(drafts.values()), _write_quietly, until)
    rows = {id_ for id_, outcome in zip(drafts, written, strict=True) if _is_ours(outcome)}
    return _remove([found for found in page if found.id in rows], free_keys=False)


def trigger_of(found: Found) -> Trigger | None:
    """Return what an entry would become; None for one that can't be read here."""
    if found.entry is None:
        return None
    try:
        return patch.read(found.entry.snapshot, found.entry.patch)
    except (SnapshotInvalid, SnapshotFromFuture):
        return None


def _write_quietly(drafts: Sequence[Draft]) -> Sequence[engine.Start]:
    """Write them in one transaction without a word to the outbox: nothing bound to their ends may start."""
    with materialiser.bounded_transaction():
        results = materialiser.write_each(drafts)
        eventlog.execute(FORGET_ENDS, ([each.id for each in results if isinstance(each, engine.Started)],))
    return results


def _is_ours(outcome: isolation.Written) -> bool:
    """Say whether the row is one that was written now; another one is a drainer's, which will settle the entry."""
    match outcome:
        case engine.Started():
            return True
        case engine.ExistingInstance(by_key=by_key):
            return by_key
        case isolation.Failed():
            return False
