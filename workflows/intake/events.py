"""Emitted events: find the bindings that one matches, and submit one trigger for each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID, uuid5

import msgspec
import structlog

from workflows import conditions, conf, matching
from workflows.conditions import ConditionFailed, ConditionInvalid
from workflows.intake import damper, preflight, refresher, submission
from workflows.intake.bindings import Bound
from workflows.intake.directory import DefinitionState, Directory
from workflows.intake.outcome import Full, InProgress, Rejected, Submission, Unavailable
from workflows.intake.preflight import Ready
from workflows.lineage import Lineage, Loop
from workflows.trigger import Origin, Request, Source

log = structlog.get_logger(__name__)

WINDOW_SECONDS = (60, 7 * 24 * 3600)
# One event starts at most so many; the rest is refused aloud.
MAX_MATCHES = 100


@dataclass(frozen=True)
class Emitted:
    """An event that was emitted. `payload` is JSON text; `parent` is the instance that emitted it, where one did.

    The key names the event within its environment: the same key again starts nothing twice.
    """

    org_id: UUID
    env_id: UUID
    type: str
    payload: bytes
    key: str
    cause: UUID | None = None
    parent: Lineage | None = None

    @cached_property
    def value(self) -> Any:
        return msgspec.json.decode(self.payload)


@dataclass(frozen=True, slots=True)
class BindingOutcome:
    """What became of the trigger of one matching binding."""

    binding_id: UUID
    definition: str
    submission: Submission


@dataclass(frozen=True, slots=True)
class Match:
    """Whether an event starts the definition of one binding. `why` is empty where it does, else what is in the way.

    `failed`: its condition has no answer for this payload, which somebody should hear of.
    """

    bound: Bound
    why: str = ""
    failed: bool = False


def submit_matching(emitted: Emitted) -> list[BindingOutcome]:
    """Submit one trigger for each matching binding; any repeat of the event finds what it started.

    Raises:
        DirectoryUnavailable: it is not known what matches; emit it again later.
    """
    return [
        BindingOutcome(bound.id, bound.definition, asked if isinstance(asked, Rejected) else submission.submit(asked))
        for bound, asked in _wanted(refresher.current(), emitted)
    ]


def submit_all(emitted: Sequence[Emitted]) -> list[list[BindingOutcome]]:
    """Submit events of one environment together, each as `submit_matching` does; answers in their order.

    Raises:
        DirectoryUnavailable: it is not known what matches; emit them again later.
    """
    directory = refresher.current()
    wanted = [_wanted(directory, each) for each in emitted]
    requests = [asked for each in wanted for _, asked in each if isinstance(asked, Request)]
    done = iter(submission.submit_many(requests))
    return [
        [BindingOutcome(b.id, b.definition, asked if isinstance(asked, Rejected) else next(done)) for b, asked in each]
        for each in wanted
    ]


def is_settled(outcomes: Iterable[BindingOutcome]) -> bool:
    """Tell whether nothing is gained by submitting the event again."""
    return not any(isinstance(each.submission, Full | Unavailable | InProgress) for each in outcomes)


def matches(directory: Directory, emitted: Emitted) -> Iterable[Match]:
    """Say of each binding whose pattern matches whether this event starts its definition; nothing is written."""
    for bound in directory.bindings.named(matching.names_of(emitted.type, emitted.payload)):
        if bound.covers(emitted.org_id, emitted.env_id):
            yield _match(bound, emitted)


def _match(bound: Bound, emitted: Emitted) -> Match:
    if not bound.enabled:
        return Match(bound, "disabled")
    if bound.loop is Loop.IGNORE and emitted.parent is not None:
        return Match(bound, "ignores events of instances")
    try:
        holds = conditions.holds(bound.condition, emitted.type, emitted.value)
    except (ConditionFailed, ConditionInvalid) as error:
        return Match(bound, f"its condition failed: {error}", failed=True)
    return Match(bound, "" if holds else "its condition does not hold")


def _wanted(directory: Directory, emitted: Emitted) -> list[tuple[Bound, Request | Rejected]]:
    """Return what to submit for each binding that is to start something, or why it can't be."""
    found = [match for match in matches(directory, emitted) if not match.why or match.failed]
    refused = Rejected("too_many_bindings", f"One event starts at most {MAX_MATCHES}.")
    wanted = [(match.bound, _asked(directory, emitted, match)) for match in found[:MAX_MATCHES]]
    return wanted + [(match.bound, refused) for match in found[MAX_MATCHES:]]


def _asked(directory: Directory, emitted: Emitted, match: Match) -> Request | Rejected:
    if match.why:
        log.warning("workflows.condition_failed", binding_id=str(match.bound.id), type=emitted.type)
        return Rejected("condition_failed", match.why)
    return request_of(directory, emitted, match.bound)


def explain(emitted: Emitted) -> list[Match]:
    """Say of each binding whose pattern matches what this event would start, or why not; nothing is written.

    Raises:
        DirectoryUnavailable: it is not known what matches.
    """
    directory = refresher.current()
    return [
        match if match.why else Match(match.bound, _refusal(request_of(directory, emitted, match.bound)))
        for match in matches(directory, emitted)
    ]


def _refusal(request: Request) -> str:
    """Say what would refuse this trigger now."""
    ready = preflight.check(request)
    if not isinstance(ready, Ready):
        return getattr(ready, "message", "the database is away")
    found = damper.probe(ready) if damper.asks(ready) else None
    return found.message if found else ""


def request_of(directory: Directory, emitted: Emitted, bound: Bound) -> Request:
    """Make the trigger of one binding; its id follows from the event's key, so a repeat is the same trigger."""
    limit, window_seconds = damping(directory, bound)
    return Request(
        id=uuid5(bound.id, f"{emitted.env_id}:{emitted.key}"),
        org_id=emitted.org_id,
        env_id=emitted.env_id,
        definition=bound.definition,
        payload=emitted.payload,
        source=Source.EVENT,
        parent=emitted.parent,
        origin=Origin(
            type=emitted.type,
            key=emitted.key,
            cause=emitted.cause or (emitted.parent.instance_id if emitted.parent else None),
            limit=limit,
            window_seconds=window_seconds,
            loop=bound.loop,
        ),
    )


def damping(directory: Directory, bound: Bound) -> tuple[int, int]:
    """Return limit and window of a binding: its own, else its definition's, else the settings'."""
    known, settings = directory.definition(bound.definition), conf.current()
    return _first(bound.limit, known.event_limit, settings.event_limit), window(bound.window_seconds, known)


def window(own: int | None, known: DefinitionState) -> int:
    """Return a window within its bounds: a binding's own, else its definition's, else the settings'."""
    seconds = _first(own, known.event_window_seconds, conf.current().event_window_seconds)
    least, most = WINDOW_SECONDS
    return max(least, min(most, seconds))


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
