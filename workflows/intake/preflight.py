"""Tell whether a request may run, and make the trigger of it; in memory."""

from dataclasses import dataclass
from datetime import UTC, datetime

import django.db

from mollifier.decision import Arrival, Binding
from workflows import conf, lineage, registry, sharding, snapshot, tracing
from workflows.declarative import checking
from workflows.intake import lookup, refresher
from workflows.intake.directory import Directory, Env
from workflows.intake.outcome import Rejected, Throttled, Unavailable
from workflows.intake.refresher import DirectoryUnavailable
from workflows.lineage import Lineage, Loop, Looping, TooDeep
from workflows.trigger import Origin, Request, Trigger, fingerprint


@dataclass(frozen=True, slots=True)
class Ready:
    """A trigger that may run, as the engine and as the gate take it."""

    request: Request
    trigger: Trigger
    arrival: Arrival
    env: Env

    @property
    def origin(self) -> Origin:
        """The event that it comes from.

        Raises:
            ValueError: it comes from no event, so it is of no group.
        """
        if self.request.origin is None:
            raise ValueError("only a trigger that comes from an event has a group")
        return self.request.origin


def check(request: Request) -> Ready | Rejected | Throttled | Unavailable:
    """Look the environment and the definition up; an environment made this moment costs a look at the database."""
    try:
        directory = refresher.current()
        if request.env_id not in directory.envs:
            directory = refresher.refresh()
    except (DirectoryUnavailable, django.db.Error):
        return Unavailable()
    env = directory.envs.get(request.env_id)
    if env is None or env.org.id != request.org_id:
        return Rejected("env_not_found", "There is no such environment.")
    version = _version(request.definition, directory)
    if isinstance(version, Rejected):
        return version
    limits = conf.current()
    if len(request.payload) > limits.max_payload_bytes:
        return _too_large(len(request.payload), limits.max_payload_bytes)
    loop = request.origin.loop if request.origin else Loop.ALLOW_ALL
    place = lineage.place(request.parent, request.id, request.definition, limit=limits.max_depth, loop=loop)
    if not isinstance(place, Lineage):
        return _cascade(place)
    trigger = _trigger(request, version, directory, place)
    return Ready(request, trigger, _arrival(request, trigger, env, directory), env)


def _version(slug: str, directory: Directory) -> int | Rejected:
    """Return the version that a new instance is pinned to."""
    state = directory.definition(slug)
    registered = registry.latest(slug)
    version = registered.version if registered is not None else state.declared
    if version is None:
        return Rejected("definition_not_found", f"There is no definition {slug!r}.")
    if not state.active:
        return Rejected("definition_inactive", f"The definition {slug!r} is switched off.")
    if (why := unrunnable(slug, directory)) is not None:
        return Rejected("preflight", f"The definition {slug!r} can't run: {why}.")
    return version


def unrunnable(slug: str, directory: Directory) -> str | None:
    """Say why a definition can't run though it is switched on, in memory; None: it can."""
    state = directory.definition(slug)
    if state.declared is None:
        return None
    if registry.latest(slug) is not None:
        return "code registers a workflow of the same name; rename one of the two"
    return checking.unrunnable(state.needs, directory.switched_off)


def _too_large(size: int, limit: int) -> Rejected:
    message = f"A payload may have {limit} bytes (WORKFLOWS_MAX_PAYLOAD_BYTES); this one has {size}."
    return Rejected("payload_too_large", message)


def _cascade(found: TooDeep | Looping) -> Throttled:
    match found:
        case TooDeep(depth, limit):
            message = f"It would be generation {depth} of a chain; the limit is {limit}."
        case Looping(chain):
            message = f"Its definition is on its own chain: {' > '.join(chain)}."
    return Throttled("throttled_cascade", message)


def _trigger(request: Request, version: int, directory: Directory, place: Lineage) -> Trigger:
    pinned = directory.definition(request.definition).pinned
    origin = request.origin
    return Trigger(
        id=request.id,
        org_id=request.org_id,
        env_id=request.env_id,
        definition=request.definition,
        version=version,
        shard=sharding.shard_for(request.definition if pinned else str(request.id), conf.current().shards),
        payload=request.payload,
        source=request.source,
        accepted_at=datetime.now(UTC),
        root_id=place.root_id,
        parent_id=place.parent_id,
        depth=place.depth,
        chain=place.chain[:-1],
        event_type=origin.type if origin else None,
        event_key=origin.key if origin else None,
        cause=origin.cause if origin else None,
        metadata=request.metadata,
        tags=request.tags,
        idempotency_key=request.idempotency_key,
        run_after=request.run_after,
        bufferable=request.bufferable,
        traceparent=tracing.carried(),
    )


def _arrival(request: Request, trigger: Trigger, env: Env, directory: Directory) -> Arrival:
    key, binding, sent_as = trigger.idempotency_key, None, None
    if key is not None or request.sent_as is not None:
        body = fingerprint(trigger.definition, trigger.payload)
        binding = None if key is None else Binding(trigger.definition, key, body)
        sent_as = None if request.sent_as is None else f"{request.sent_as} {body} {key}"
    return Arrival(
        id=trigger.id,
        scope=lookup.scope_of(env),
        rollout=directory.rollout(env.org.id, env.id, trigger.definition),
        snapshot=snapshot.encode(trigger),
        definition=trigger.definition,
        binding=binding,
        sent_as=sent_as,
        bufferable=trigger.bufferable,
        tell_left=request.tell_left,
    )
