"""Bindings: as each process keeps them, found by an event's name without a look at the database; and how they change.

Who changes one has the directory refreshed, so that this process knows at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from workflows import audit
from workflows.audit import Act, Actor
from workflows.intake import paging
from workflows.intake.paging import Page
from workflows.lineage import Loop
from workflows.models import Binding

COLUMNS = (
    *("id", "org_id", "env_id", "pattern", "definition", "condition", "loop_policy", "enabled"),
    *("limit", "window_seconds"),
)


@dataclass(frozen=True, slots=True)
class Bound:
    """One binding; see models.Binding."""

    id: UUID
    org_id: UUID | None
    env_id: UUID | None
    pattern: str
    definition: str
    condition: str
    loop: Loop
    enabled: bool
    limit: int | None = None
    window_seconds: int | None = None

    def covers(self, org_id: UUID, env_id: UUID) -> bool:
        """Tell whether events of this environment are for it."""
        return self.org_id in (None, org_id) and self.env_id in (None, env_id)


@dataclass(frozen=True, slots=True)
class Bindings:
    """All of them, by id and by pattern."""

    by_id: Mapping[UUID, Bound] = field(default_factory=dict)
    by_pattern: Mapping[str, Sequence[Bound]] = field(default_factory=dict)

    def named(self, names: Iterable[str]) -> list[Bound]:
        """Return those whose pattern matches one of the names, each once, in the order they were made."""
        patterns = [pattern for name in names for pattern in patterns_of(name)]
        found = {bound.id: bound for pattern in patterns for bound in self.by_pattern.get(pattern, ())}
        return [found[id_] for id_ in sorted(found)]

    def environments(self, names: Iterable[str], envs: Mapping[UUID, UUID]) -> set[UUID]:
        """Return those environments (id to org's id) in which an enabled one matches one of the names."""
        bound = [each for each in self.named(names) if each.enabled]
        return (
            {id_ for id_, org_id in envs.items() if any(each.covers(org_id, id_) for each in bound)} if bound else set()
        )

    def changed(self, rows: Mapping[UUID, Bound]) -> "Bindings":
        """Return them with these changed."""
        if not rows:
            return self
        by_id = {**self.by_id, **rows}
        by_pattern: dict[str, list[Bound]] = {}
        for bound in by_id.values():
            by_pattern.setdefault(bound.pattern, []).append(bound)
        return Bindings(by_id, by_pattern)


def patterns_of(name: str) -> Iterator[str]:
    """Yield each pattern that matches a name: itself, and each prefix."""
    yield name
    while "." in name:
        name = name.rpartition(".")[0]
        yield f"{name}.*"


def read(since: int) -> Mapping[UUID, Bound]:
    """Read what changed after a version."""
    rows = Binding.objects.filter(version__gt=since).values_list(*COLUMNS)
    found: dict[UUID, Bound] = {}
    for id_, org_id, env_id, pattern, definition, condition, loop, *rest in rows:
        found[id_] = Bound(id_, org_id, env_id, pattern, definition, condition, Loop(loop), *rest)
    return found


class BindingRefused(Exception):
    """A binding is not what it must be; `fields` says of each field what is wrong."""

    code = "binding_invalid"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {said}" for name, said in fields.items()))
        self.fields = fields


@dataclass(frozen=True, slots=True)
class Created:
    """A binding, and whether it was made now; one that was there is as operators left it, switched off perhaps."""

    bound: Bound
    new: bool


NOTHING: Mapping[str, Any] = MappingProxyType({})
# What tells one binding from another, and what may be set of one.
IDENTITY = ("org_id", "env_id", "pattern", "definition", "condition")
CHANGEABLE = ("condition", "loop_policy", "enabled", "limit", "window_seconds")


def create(*, actor: Actor, reason: str, **values: Any) -> Created:
    """Make a binding, and record it, unless there is one for the same: then nothing of that is changed.

    Raises:
        BindingRefused: a value is not what it must be.
    """
    binding = Binding(**values)
    _check(binding)
    there = Binding.objects.filter(**{name: getattr(binding, name) for name in IDENTITY}).first()
    if there is not None:
        return Created(of(there), new=False)
    try:
        with transaction.atomic():
            binding.save(force_insert=True)
            _note("make", binding, actor, reason)
    except IntegrityError:
        return Created(of(Binding.objects.get(**{name: getattr(binding, name) for name in IDENTITY})), new=False)
    return Created(of(binding), new=True)


def change(id_: UUID, *, actor: Actor, reason: str, **values: Any) -> Bound | None:
    """Set some of `CHANGEABLE`, and record it; None where there is no such binding.

    Raises:
        BindingRefused: a value is not what it must be, or another binding is for the same already.
    """
    with transaction.atomic():
        binding = Binding.objects.select_for_update(of=("self",)).filter(id=id_).first()
        if binding is None:
            return None
        for name in CHANGEABLE:
            if name in values:
                setattr(binding, name, values[name])
        _check(binding)
        try:
            with transaction.atomic():
                binding.save()
        except IntegrityError as error:
            raise BindingRefused({"condition": "another binding of this pattern and definition has it"}) from error
        switched = "enable" if binding.enabled else "disable"
        _note(switched if values.keys() == {"enabled"} else "change", binding, actor, reason, values)
    return of(binding)


def _note(verb: str, binding: Binding, actor: Actor, reason: str, changed: Mapping[str, Any] = NOTHING) -> None:
    act = Act(
        verb=f"{verb}_binding",
        actor=actor,
        reason=reason,
        filter={"binding": str(binding.id)},
        target=str(binding),
        org_id=binding.org_id,
    )
    audit.note(act, **changed)


def listing(
    org_id: UUID | None = None, env_id: UUID | None = None, cursor: UUID | None = None, limit: int = 50
) -> Page[Bound]:
    """Return a page below the cursor: of all, or of those for events of an org or an environment."""
    page = paging.newest(_covering(org_id, env_id), cursor, limit)
    return Page(tuple(map(of, page.data)), page.next_cursor)


def find(id_: UUID, org_id: UUID, env_id: UUID) -> Bound | None:
    """Return a binding that events of this environment may start something by."""
    row = _covering(org_id, env_id).filter(id=id_).first()
    return None if row is None else of(row)


def _covering(org_id: UUID | None, env_id: UUID | None) -> QuerySet[Binding]:
    rows = Binding.objects.all()
    if org_id is not None:
        rows = rows.filter(Q(org_id=None) | Q(org_id=org_id))
    if env_id is not None:
        rows = rows.filter(Q(env_id=None) | Q(env_id=env_id))
    return rows


def of(row: Binding) -> Bound:
    """Return a row as a value."""
    return Bound(
        id=row.id,
        org_id=row.org_id,
        env_id=row.env_id,
        pattern=row.pattern,
        definition=row.definition,
        condition=row.condition,
        loop=Loop(row.loop_policy),
        enabled=row.enabled,
        limit=row.limit,
        window_seconds=row.window_seconds,
    )


def _check(binding: Binding) -> None:
    try:
        binding.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise BindingRefused({name: " ".join(said) for name, said in error.message_dict.items()}) from error
