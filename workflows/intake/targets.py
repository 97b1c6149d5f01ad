"""What a bulk action is about: for each verb, which things a search means, page by page, and doing it to one.

What was done is not found again, so an action that was killed goes on where it was; its `place` only spares it looking.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from mollifier.entry import DeadLetterOutcome, State
from workflows import conf, engine, eventlog
from workflows.cleanup import backlog
from workflows.cleanup.batches import FIRST
from workflows.intake import clearing, control, deadletters, narrowing, refresher, view
from workflows.intake.clearing import Found
from workflows.intake.control import CancelledInBuffer
from workflows.intake.directory import Env
from workflows.intake.narrowing import Narrowed
from workflows.intake.rollout import Actor
from workflows.models import BulkVerb, DeadLetterDecision, Decision, Storm
from workflows.search import READERS, Filter, SearchInvalid, Term
from workflows.states import Status

# In the order that instances go through them; one that moves back meanwhile is met in another round.
WALKED = (Status.PENDING, Status.RUNNING, Status.WAITING, Status.PAUSED)
ROUNDS = 3
LIVE = (State.QUEUED, State.DELAYED, State.LEASED)
ANY = frozenset(READERS)
KNOWN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        BulkVerb.CANCEL: ANY,
        BulkVerb.CANCEL_BACKLOG: frozenset({"org", "env", "definition", "event"}),
        BulkVerb.REDRIVE: ANY - {"status"},
        BulkVerb.REPLAY_SUPPRESSED: frozenset({"org", "env", "definition", "event", "age", "created"}),
    }
)

# A bounded stretch of the index of what is unfinished, as the clean-up of a backlog walks it.
FOUND = """
SELECT i.id, i.env_id, i.definition FROM (
    SELECT * FROM workflows_instance
    WHERE status = %s AND finished_at IS NULL AND id > %s ORDER BY id LIMIT {looked_at}
) i WHERE i.accepted_at <= %s AND {condition} ORDER BY i.id LIMIT {limit}"""
NEXT = """
SELECT id FROM workflows_instance
WHERE status = %s AND finished_at IS NULL AND id > %s ORDER BY id OFFSET {looked_at} - 1 LIMIT 1"""


class Outcome(StrEnum):
    """What became of one; the names are columns of the action."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that is meant; a storm has a `number` and stands for `count` triggers. `told` is what people see."""

    id: UUID
    env: Env
    told: Mapping[str, Any]
    count: int = 1
    number: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Some targets, and where to go on once they are done."""

    targets: Sequence[Target]
    place: Mapping[str, Any] = field(default_factory=dict)


def check(verb: str, found: Filter) -> None:
    """Refuse what would mean everything, or what this verb can't be asked.

    Raises:
        SearchInvalid: naming the word and the fix.
    """
    if not found:
        raise SearchInvalid("filter", "an empty one would mean everything", "say what is meant, like org:acme")
    for term in found.terms:
        if term.qualifier not in KNOWN[verb]:
            known = ", ".join(each for each in READERS if each in KNOWN[verb])
            raise SearchInvalid(str(term), f"{verb} can't be told apart by {term.qualifier}", f"use {known}")
        if term.excluded and verb == BulkVerb.CANCEL_BACKLOG and term.qualifier not in ("org", "env"):
            raise SearchInvalid(str(term), f"{verb} leaves out no {term.qualifier}", "name each that is meant")


def find(verb: str, narrowed: Narrowed, place: Mapping[str, Any], rounds: int = ROUNDS) -> Iterator[Page]:
    """Yield what is meant and was there at `narrowed.at`, in bounded pages.

    Raises:
        LookupUnavailable: the buffer does not answer.
    """
    match BulkVerb(verb):
        case BulkVerb.CANCEL:
            yield from _cancellable(narrowed, place, rounds, LIVE, WALKED)
        case BulkVerb.CANCEL_BACKLOG:
            yield from _cancellable(narrowed, place, rounds, clearing.CANCELLABLE, backlog.WAITING)
        case BulkVerb.REDRIVE:
            yield from _dead_letters(narrowed, place)
        case BulkVerb.REPLAY_SUPPRESSED:
            yield from _storms(narrowed, place)


def _cancellable(
    narrowed: Narrowed,
    place: Mapping[str, Any],
    rounds: int,
    states: tuple[State, ...],
    walked_: tuple[Status, ...],
) -> Iterator[Page]:
    """Yield what is buffered first, then rows: an entry leaves the buffer after its row is committed."""
    statuses = narrowed.filter.statuses
    if "step" not in place and narrowing.is_buffered(statuses):
        yield from _buffered(narrowed, place, states, lambda found: not found.is_cancelled)
    walked = [status for status in walked_ if status in statuses]
    after, met = UUID(place.get("after", str(FIRST))), True
    for step in range(place.get("step", 0), rounds * len(walked)):
        if step % len(walked) == 0:
            if not met:
                return
            met = False
        for page in _rows(narrowed, walked[step % len(walked)], after, step):
            met = met or bool(page.targets)
            yield page
        after = FIRST


def _rows(narrowed: Narrowed, status: Status, after: UUID, step: int) -> Iterator[Page]:
    condition, values = narrowing.where(narrowed)
    limits = {"looked_at": int(conf.current().cleanup_looked_at), "limit": int(conf.current().bulk_batch)}
    statement, at = FOUND.format(condition=condition, **limits), after
    while True:
        rows = eventlog.execute(statement, (status.value, at, narrowed.at, *values))
        full = len(rows) == limits["limit"]
        following = [] if full else eventlog.execute(NEXT.format(**limits), (status.value, at))
        at = rows[-1][0] if full else following[0][0] if following else at
        targets = [_row(row, status) for row in rows if row[1] in refresher.current().envs]
        if not full and not following:
            yield Page(targets, {"step": step + 1})
            return
        yield Page(targets, {"step": step, "after": str(at)})


def _row(row: Sequence[Any], status: Status) -> Target:
    id_, env_id, definition = row
    env = refresher.current().envs[env_id]
    return Target(id_, env, told(env, id_, definition, status=status.value))


def told(env: Env, id_: UUID | int, definition: str, **more: Any) -> dict[str, Any]:
    return {"id": str(id_), **more, "tenant": f"{env.org.slug}/{env.slug}", "definition": definition}


def _buffered(
    narrowed: Narrowed, place: Mapping[str, Any], states: tuple[State, ...], also: Callable[[Found], bool]
) -> Iterator[Page]:
    """Yield entries, environment by environment; the place is that of the next environment."""
    done = UUID(place.get("env", str(FIRST)))
    envs = sorted(refresher.current().envs.values(), key=lambda env: env.id)
    for env in envs:
        if env.id > done and narrowed.wants(env):
            for page in clearing.find(clearing.Selection(envs=(env,), states=states, before=narrowed.at)):
                yield Page([_entry(found) for found in page if _is_meant(narrowed, found) and also(found)])
            yield Page([], {"env": str(env.id)})


def _is_meant(narrowed: Narrowed, found: Found) -> bool:
    """Say whether an entry is meant; of one whose trigger can't be read only the environment and the time are known."""
    return found.entry is not None and narrowing.admits(narrowed, view.from_entry(found.env, found.entry))


def _entry(found: Found) -> Target:
    return Target(found.id, found.env, told(found.env, found.id, found.definition, status=found.state.value))


def _dead_letters(narrowed: Narrowed, place: Mapping[str, Any]) -> Iterator[Page]:
    """Yield dead letters; one that this action redrove, and that came back, is left for people."""
    for page in _buffered(narrowed, place, (State.FAILED,), lambda _: True):
        ids = [target.id for target in page.targets]
        redriven = DeadLetterDecision.objects.filter(
            entry_id__in=ids, decision=Decision.REDRIVEN, created_at__gte=narrowed.at
        )
        decided = set(redriven.values_list("entry_id", flat=True)) if ids else set()
        yield Page([target for target in page.targets if target.id not in decided], page.place)


def _storms(narrowed: Narrowed, place: Mapping[str, Any]) -> Iterator[Page]:
    """Yield storms that keep something, in the order they opened; a time compares with when that was."""
    after, limit = place.get("after", 0), conf.current().bulk_batch
    kept = Count("kept", filter=Q(kept__replayed_at=None))
    meant = Storm.objects.select_related("org", "env").filter(opened_at__lte=narrowed.at)
    if narrowed.env_ids is not None:
        meant = meant.filter(env_id__in=narrowed.env_ids)
    for term in narrowed.filter.without("org", "env").terms:
        wanted = _of_storm(narrowed, term)
        meant = meant.exclude(wanted) if term.excluded else meant.filter(wanted)
    while page := list(meant.filter(id__gt=after).annotate(left=kept).filter(left__gt=0).order_by("id")[:limit]):
        for storm in page:
            after = storm.pk
            yield Page([target] if (target := _storm(storm)) else [], {"after": after})


def _of_storm(narrowed: Narrowed, term: Term) -> Q:
    if term.qualifier in ("definition", "event"):
        column = "definition" if term.qualifier == "definition" else "event_type"
        return Q(**{f"{column}__in": term.values})
    sign, moment = narrowing.compared(narrowed, term)
    return Q(**{f"opened_at__{ {'>': 'gt', '<': 'lt', '>=': 'gte', '<=': 'lte'}[sign] }": moment})


def _storm(storm: Storm) -> Target | None:
    env = refresher.current().envs.get(storm.env_id)
    if env is None:
        return None
    left: int = storm.left  # type: ignore[attr-defined]
    shown = told(env, storm.pk, storm.definition, kept=left, event=storm.event_type)
    return Target(UUID(int=storm.pk), env, shown, count=left, number=storm.pk)


def cancel(target: Target, reason: str, actor: Actor) -> Outcome:
    """Cancel an instance wherever it is, as one alone would be: running steps are told, ends are heard of."""
    match control.cancel(target.env, target.id, reason, actor=actor.name):
        case CancelledInBuffer() | engine.Cancelled():
            return Outcome.DONE
        case engine.AlreadyFinished() | engine.NotFound() | engine.FenceConflict():
            return Outcome.SKIPPED


def redrive(target: Target, reason: str, actor: Actor) -> Outcome:
    """Try a dead letter again."""
    outcome = deadletters.redrive(target.env, target.id, actor=actor, reason=reason)
    return Outcome.DONE if outcome is DeadLetterOutcome.REDRIVEN else Outcome.SKIPPED
