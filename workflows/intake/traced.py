"""The stations of the way in, each a span where traces are on; off, only the stations themselves."""

import functools
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from mollifier import gate
from mollifier.decision import Arrival, Decision, Reason
from workflows import engine, tracing
from workflows.intake import isolation
from workflows.intake.isolation import Written
from workflows.intake.outcome import Submission
from workflows.rows import Draft
from workflows.trigger import Request, Trigger

# One batch tries this long to find the triggers that the database refuses.
BATCH_SECONDS = 10.0


def trigger(take: Callable[[Request], Submission]) -> Callable[[Request], Submission]:
    """Make the taking in of one trigger a span, which travels with it."""

    @functools.wraps(take)
    def taken(request: Request) -> Submission:
        if not tracing.is_on():
            return take(request)
        ids = {"instance_id": request.id, "org_id": request.org_id, "env_id": request.env_id}
        with tracing.span("trigger", definition=request.definition, source=request.source.value, **ids):
            outcome = take(request)
            tracing.note(outcome=type(outcome).__name__)
        return outcome

    return taken


def triggers(take: Callable[[Sequence[Request]], list[Submission]]) -> Callable[[Sequence[Request]], list[Submission]]:
    """Make the taking in of many together one span, which travels with each."""

    @functools.wraps(take)
    def taken(requests: Sequence[Request]) -> list[Submission]:
        with tracing.span("triggers", count=len(requests)):
            return take(requests)

    return taken


def admit(arrival: Arrival, *, force: Reason | None = None, rebind_from: UUID | None = None) -> Decision:
    with tracing.span("gate.admit", instance_id=arrival.id):
        decided = gate.admit(arrival, force=force, rebind_from=rebind_from)
        tracing.note(decision=type(decided).__name__)
        return decided


def admit_many(arrivals: Sequence[Arrival]) -> list[Decision]:
    with tracing.span("gate.admit", count=len(arrivals)):
        return gate.admit_many(arrivals)


def start(trigger: Trigger) -> engine.Start:
    with tracing.span("engine.start", instance_id=trigger.id):
        result = engine.start(trigger)
    begun(trigger, result)
    return result


def start_together(triggers: Sequence[Trigger]) -> list[engine.Start]:
    """Start triggers in the caller's transaction, all or none."""
    with tracing.span("engine.start", count=len(triggers)):
        results = engine.start_many([Draft(each) for each in triggers])
    for each, result in zip(triggers, results, strict=True):
        begun(each, result)
    return results


def start_many(drafts: Sequence[Draft]) -> list[Written]:
    with tracing.span("engine.start", count=len(drafts)):
        written = isolation.write(drafts, engine.start_many, time.monotonic() + BATCH_SECONDS)
    for draft, each in zip(drafts, written, strict=True):
        begun(draft.trigger, each)
    return written


def begun(trigger: Trigger, result: Written) -> None:
    """Begin the trace of an instance that was written now."""
    if tracing.is_on() and isinstance(result, engine.Started):
        ids = {"org_id": trigger.org_id, "env_id": trigger.env_id}
        tracing.started(trigger.id, trigger.traceparent, definition=trigger.definition, **ids)
