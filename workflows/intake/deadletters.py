"""Decide about dead letters: try one again, or remove it. Each decision is kept, with who made it and why."""

from collections.abc import Callable
from uuid import UUID

import structlog

from mollifier import buffer, deadletters, tasks
from mollifier.decision import Scope
from mollifier.entry import DeadLetterOutcome, Entry, State
from mollifier.errors import BufferUnavailable, EntryUnreadable
from workflows import snapshot
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.rollout import Actor
from workflows.models import DeadLetterDecision, Decision
from workflows.snapshot import SnapshotFromFuture, SnapshotInvalid

__all__ = ["DeadLetterOutcome", "State", "definition_of", "discard", "redrive"]

log = structlog.get_logger(__name__)

UNREADABLE = "unreadable"


def redrive(env: Env, id_: UUID, *, actor: Actor, reason: str) -> DeadLetterOutcome:
    """Try a dead letter again, as if it were new. Answers REDRIVEN, NOT_FAILED or NOT_FOUND.

    Raises:
        LookupUnavailable: the buffer does not answer; the decision is kept, since it may have been carried out.
    """
    outcome = _decide(env, id_, Decision.REDRIVEN, deadletters.redrive, actor, reason)
    if outcome is DeadLetterOutcome.REDRIVEN:
        # A dead letter waits for nobody, so there may be no drainer.
        tasks.wake()
    return outcome


def discard(env: Env, id_: UUID, *, actor: Actor, reason: str) -> DeadLetterOutcome:
    """Remove a dead letter, and free its idempotency key. Answers DISCARDED, NOT_FAILED or NOT_FOUND.

    Raises:
        LookupUnavailable: see `redrive`.
    """
    return _decide(env, id_, Decision.DISCARDED, deadletters.discard, actor, reason)


def definition_of(entry: Entry | None) -> str:
    """Name the definition of an entry, as far as it can be read."""
    try:
        return snapshot.decode(entry.snapshot).definition if entry else UNREADABLE
    except (SnapshotInvalid, SnapshotFromFuture):
        return UNREADABLE


def _decide(
    env: Env,
    id_: UUID,
    decision: Decision,
    carry_out: Callable[[Scope, UUID], DeadLetterOutcome],
    actor: Actor,
    reason: str,
) -> DeadLetterOutcome:
    """Record the decision, then carry it out: nothing vanishes without a record, should this process die between."""
    scope = lookup.scope_of(env)
    try:
        entry = _read(scope, id_)
        made = DeadLetterDecision.objects.create(
            entry_id=id_,
            env_id=env.id,
            decision=decision,
            definition=definition_of(entry),
            error=(entry and entry.error) or "",
            actor=actor.user,
            actor_name=actor.name,
            reason=reason.strip(),
        )
        outcome = carry_out(scope, id_)
    except BufferUnavailable as error:
        raise LookupUnavailable from error
    if outcome.value != decision.value:
        made.delete()
    else:
        log.info("workflows.dead_letter_decided", instance_id=str(id_), decision=decision.value, actor=actor.name)
    return outcome


def _read(scope: Scope, id_: UUID) -> Entry | None:
    try:
        return buffer.read(scope, id_)
    except EntryUnreadable:
        return None
