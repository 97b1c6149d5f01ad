"""Bindings as each process keeps them: found by the name of an event, without a look at the database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

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
