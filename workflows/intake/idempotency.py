"""Free an idempotency key by hand, in the buffer and in the table, so that it starts something new."""

from dataclasses import dataclass
from uuid import UUID

import structlog

from mollifier import bindings
from mollifier.bindings import Bound
from mollifier.errors import MollifierError
from workflows import audit, steering
from workflows.audit import Act, Actor
from workflows.intake import lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.submission import BINDING_GRACE_MS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Cleared:
    """The key was this instance's, which goes on without it."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Busy:
    """The instance of this key is buffered or being written, and would have it again; nothing was changed."""

    id: UUID


@dataclass(frozen=True, slots=True)
class NotFound:
    """The key is free."""


Reset = Cleared | Busy | NotFound


def reset(env: Env, definition: str, key: str, *, actor: Actor, reason: str) -> Reset:
    """Free a key of this environment, and record whose it was.

    The binding goes last: until then whoever sends the key finds its old instance, whose row is still there.

    Raises:
        LookupUnavailable: Redis does not answer, so the key can't be freed everywhere.
    """
    scope = lookup.scope_of(env)
    try:
        held = bindings.look(scope, definition, key)
        if isinstance(held, bindings.Busy) or (isinstance(held, Bound) and _is_on_its_way(env, held)):
            return Busy(held.id)
        owner = steering.clear_key(env.id, definition, key)
        if isinstance(held, Bound):
            bindings.reset(scope, definition, key, held.id)
            owner = owner or held.id
    except MollifierError as error:
        raise LookupUnavailable from error
    if owner is None:
        return NotFound()
    filter_ = {"instance": str(owner), "definition": definition}
    verb, target = "clear_idempotency_key", f"{definition} {owner}"
    audit.note(Act(verb=verb, actor=actor, reason=reason, filter=filter_, target=target, org_id=env.org.id))
    log.info("workflows.idempotency_key_cleared", instance_id=str(owner), env_id=str(env.id), definition=definition)
    return Cleared(owner)


def _is_on_its_way(env: Env, held: Bound) -> bool:
    """Tell whether a bound id that is not buffered may be a row any moment."""
    return held.age_ms < BINDING_GRACE_MS and not lookup.is_row(env, held.id)
