"""What the way in must know of tenants, keys, flags, definitions and actions, as one immutable value.

`workflows.intake.refresher` keeps the current one in each process, so that a request reads it without SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from mollifier import conf
from mollifier.conf import Conf
from mollifier.decision import Limit, Limits, Mode, Rollout
from workflows import flags
from workflows.actions import switches
from workflows.flags import UNSET, Flags
from workflows.intake import bindings
from workflows.intake.bindings import Bindings
from workflows.models import ApiKey, Definition, Environment, Organization, OrganizationFlags, ShardBy, SnapshotVersion

K = TypeVar("K")
V = TypeVar("V")

# Rollouts that one directory remembers: of an environment and a definition each.
MAX_ROLLOUTS = 4096


@dataclass(frozen=True, slots=True)
class Org:
    """A tenant."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Env:
    """A tenant's environment, with its org at hand."""

    id: UUID
    slug: str
    org: Org


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as it is stored; the secret is only known by its hash."""

    id: str
    prefix: str
    hashed_key: str
    env_id: UUID
    scopes: frozenset[str]
    revoked: bool
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class DefinitionState:
    """What an operator set of a definition; of a declared one also its latest version and the actions it needs."""

    needs: frozenset[str] = frozenset()
    pinned: bool = False
    active: bool = True
    limit: int = 0
    window_ms: int = 1_000
    event_limit: int | None = None
    event_window_seconds: int | None = None
    declared: int | None = None


AS_REGISTERED = DefinitionState()


@dataclass(frozen=True, slots=True)
class _EnvRow:
    id: UUID
    slug: str
    org_id: UUID


@dataclass(frozen=True, slots=True)
class Directory:
    """All of it at one version; look things up by id, by slug or by key prefix."""

    version: int = -1
    keys: Mapping[str, Key] = field(default_factory=dict)
    flags: Mapping[UUID, Flags] = field(default_factory=dict)
    definitions: Mapping[str, DefinitionState] = field(default_factory=dict)
    switched_off: Mapping[str, str] = field(default_factory=dict)
    env_rows: Mapping[UUID, _EnvRow] = field(default_factory=dict)
    orgs: Mapping[UUID, Org] = field(default_factory=dict)
    envs: Mapping[UUID, Env] = field(default_factory=dict)
    envs_by_slug: Mapping[tuple[str, str], Env] = field(default_factory=dict)
    bindings: Bindings = field(default_factory=Bindings)
    # With the settings they were made under.
    _rollouts: dict[tuple[UUID, UUID, str], tuple[Conf, Rollout]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def flags_of(self, org_id: UUID) -> Flags:
        return self.flags.get(org_id, UNSET)

    def definition(self, slug: str) -> DefinitionState:
        return self.definitions.get(slug, AS_REGISTERED)

    def rollout(self, org_id: UUID, env_id: UUID, definition: str = "") -> Rollout:
        """Return what the gate must know: the org's flags and the definition's limit, else the settings."""
        defaults, asked = conf.current(), (org_id, env_id, definition)
        under, rollout = self._rollouts.get(asked, (None, None))
        if rollout is not None and under is defaults:
            return rollout
        made = self._rollout(org_id, env_id, definition, defaults)
        if len(self._rollouts) >= MAX_ROLLOUTS:
            self._rollouts.clear()
        self._rollouts[asked] = defaults, made
        return made

    def _rollout(self, org_id: UUID, env_id: UUID, definition: str, defaults: Conf) -> Rollout:
        own, known = self.flags_of(org_id), self.definition(definition)
        hold = _either(own.hold_ms, defaults.hold_ms)
        limits = Limits(
            env=Limit(_either(own.limit, defaults.limit), _either(own.window_ms, defaults.window_ms), hold),
            org=Limit(
                _either(own.org_limit, defaults.org_limit), _either(own.org_window_ms, defaults.org_window_ms), hold
            ),
            everybody=Limit(defaults.global_limit, defaults.global_window_ms, hold),
            definition=Limit(known.limit, known.window_ms, hold),
        )
        return Rollout(Mode(own.mode), flags.enrolled(env_id, own.percent), limits)


def _either(own: int | None, default: int) -> int:
    return default if own is None else own


def load(known: Directory) -> Directory:
    """Return the directory as the database has it: `known` itself when nothing changed, else with what changed.

    Tables are read from the referring to the referred, so whatever a row names is in the result too.
    """
    version, deleted_at = SnapshotVersion.objects.values_list("version", "deleted_at_version").first() or (0, 0)
    if version == known.version:
        return known
    since = known.version
    if deleted_at > since or version < since:
        known, since = Directory(), -1
    bound = known.bindings.changed(bindings.read(since))
    keys = _merge(known.keys, _keys(since))
    flags_ = _merge(known.flags, _flags(since))
    definitions = _merge(known.definitions, _definitions(since))
    switched = _merge(known.switched_off, switches.changed_since(since))
    switched_off = {name: reason for name, reason in switched.items() if reason is not None}
    rows = Environment.objects.filter(version__gt=since).values_list("id", "slug", "org_id")
    env_rows = _merge(known.env_rows, ((row[0], _EnvRow(*row)) for row in rows))
    orgs = _merge(
        known.orgs,
        (
            (row[0], Org(*row))
            for row in Organization.objects.filter(version__gt=since).values_list("id", "slug", "name")
        ),
    )
    envs = {row.id: Env(row.id, row.slug, orgs[row.org_id]) for row in env_rows.values()}
    by_slug = {(env.org.slug, env.slug): env for env in envs.values()}
    return Directory(version, keys, flags_, definitions, switched_off, env_rows, orgs, envs, by_slug, bound)


def _merge(known: Mapping[K, V], changed: Iterable[tuple[K, V]]) -> Mapping[K, V]:
    return {**known, **dict(changed)}


def _keys(since: int) -> Iterable[tuple[str, Key]]:
    columns = ("id", "prefix", "hashed_key", "env_id", "scopes", "revoked", "expiry_date")
    for id_, prefix, hashed, env_id, scopes, revoked, expires_at in ApiKey.objects.filter(
        version__gt=since
    ).values_list(*columns):
        yield prefix, Key(id_, prefix, hashed, env_id, frozenset(scopes), revoked, expires_at)


def _flags(since: int) -> Iterable[tuple[UUID, Flags]]:
    columns = [each.name for each in fields(Flags)]
    for org_id, *rest in OrganizationFlags.objects.filter(version__gt=since).values_list("org_id", *columns):
        yield org_id, Flags(*rest)


def _definitions(since: int) -> Iterable[tuple[str, DefinitionState]]:
    columns = ("slug", "needs", "shard_by", "active", "limit", "window_ms", "event_limit", "event_window_seconds")
    rows = Definition.objects.filter(version__gt=since).values_list(*columns, "declared_version")
    for slug, needs, shard_by, active, *rest in rows:
        pinned = shard_by == ShardBy.DEFINITION
        yield slug, DefinitionState(frozenset(needs), pinned, active, *rest)
