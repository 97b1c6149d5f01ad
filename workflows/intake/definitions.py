"""Definitions: read them, save another version of a declared one, and change what an operator sets of any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from django.core.exceptions import ValidationError
from django.db import transaction

from workflows import registry
from workflows.declarative import checking, interpreter, schema
from workflows.declarative.faults import Fault, at
from workflows.intake import preflight, refresher
from workflows.intake.directory import DefinitionState
from workflows.intake.rollout import Actor
from workflows.models import Definition, DefinitionChange, DefinitionVersion, ShardBy, SnapshotVersion

__all__ = ["Fault"]

log = structlog.get_logger(__name__)

SETTABLE = ("active", "shard_by", "limit", "window_ms")
NEW = 0
REASON = "Say why."


class DefinitionRefused(Exception):
    """Nothing is changed. `code` says why; `faults` point into what was given: /document/..., or a member's name."""

    def __init__(self, code: str, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Described:
    """A definition as this process knows it. `kind` is code, declared or absent; `unrunnable` says why it can't run."""

    slug: str
    kind: str
    version: int | None
    unrunnable: str | None
    state: DefinitionState

    @property
    def shard_by(self) -> str:
        return ShardBy.DEFINITION.value if self.state.pinned else ShardBy.INSTANCE.value


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a declared definition."""

    slug: str
    number: int
    interpreter_version: int
    created_at: datetime
    by: str
    reason: str
    document: Any = field(default=None)


def described() -> list[Described]:
    """Return every definition, by slug, from memory."""
    states = refresher.current().definitions
    return [describe(slug) for slug in sorted({*states, *registry.slugs()})]


def describe(slug: str) -> Described:
    """Describe one definition, whether or not there is one, from memory."""
    directory, registered = refresher.current(), registry.latest(slug)
    state, why = directory.definition(slug), preflight.unrunnable(slug, directory)
    if registered is not None:
        return Described(slug, "code", registered.version, why, state)
    return Described(slug, "declared" if state.declared else "absent", state.declared, why, state)


def version(slug: str, number: int | None = None) -> Version | None:
    """Read one version with its document, the latest by default."""
    rows = DefinitionVersion.objects.filter(definition_id=slug)
    row = (rows if number is None else rows.filter(number=number)).order_by("-number").first()
    return None if row is None else _version(row, row.document)


def versions(slug: str, before: int | None = None, limit: int = 50) -> list[Version]:
    """List versions without their documents, the latest first."""
    rows = DefinitionVersion.objects.filter(definition_id=slug).defer("document").order_by("-number")
    rows = rows if before is None else rows.filter(number__lt=before)
    return [_version(row) for row in rows[:limit]]


def check(document: Any) -> list[Fault]:
    """Return every fault of a document, each at its place below /document."""
    return [Fault(f"/document{fault.path}", fault.message) for fault in checking.check(document, checking.bounds())]


def save(
    slug: str,
    *,
    actor: Actor,
    reason: str,
    document: Any = None,
    expected_version: int | None = None,
    values: Mapping[str, Any] | None = None,
) -> Described:
    """Save a document as the next version, or set some of `SETTABLE`, or both; instances keep the version they have.

    A document equal to the latest version's makes no new one. `expected_version` is the version that was read; `NEW`
    means that there is none yet.

    Raises:
        DefinitionRefused: reason_missing, slug_invalid, slug_taken, definition_exists, definition_not_found,
            version_conflict, definition_invalid or values_invalid; the last two with their faults.
    """
    if not reason.strip():
        raise DefinitionRefused("reason_missing", REASON, [Fault("/reason", REASON)])
    if document is not None:
        refuse_faulty(slug, document)
    with transaction.atomic():
        # Orders writers before anything is read: two that save at once get two versions.
        SnapshotVersion.advance()
        row = _expected(slug, document, expected_version)
        before = _record(row)
        _set(row, values or {})
        number = _next_number(row, document)
        if number is not None:
            row.declared_version, row.needs = number, checking.actions_of(schema.parse(document))
        row.save()
        if number is not None:
            DefinitionVersion.objects.create(
                definition=row,
                number=number,
                document=document,
                interpreter_version=interpreter.VERSION,
                by=actor.user,
                by_name=actor.name,
                reason=reason.strip(),
            )
        _keep_change(slug, before, _record(row), actor, reason)
    log.info("workflows.definition_saved", definition=slug, version=row.declared_version, actor=actor.name)
    refresher.refresh()
    return describe(slug)


def _version(row: DefinitionVersion, document: Any = None) -> Version:
    return Version(
        row.definition_id, row.number, row.interpreter_version, row.created_at, row.by_name, row.reason, document
    )


def refuse_faulty(slug: str, document: Any) -> None:
    """Judge a document without keeping it.

    Raises:
        DefinitionRefused: slug_invalid, slug_taken or definition_invalid.
    """
    if not registry.SLUG.fullmatch(slug):
        said = "A slug has 1 to 100 of a-z A-Z 0-9 - _."
        raise DefinitionRefused("slug_invalid", said, [Fault("/slug", said)])
    if registry.latest(slug) is not None:
        said = f"Code registers the workflow {slug!r}; give the declared one another slug."
        raise DefinitionRefused("slug_taken", said, [Fault("/slug", said)])
    if faults := check(document):
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise DefinitionRefused("definition_invalid", f"The definition has {count}: {faults[0].message}", faults)


def _expected(slug: str, document: Any, expected: int | None) -> Definition:
    """Return the row, a new one where there may be none.

    Raises:
        DefinitionRefused: it is not at the version that the caller expects.
    """
    row = Definition.objects.filter(pk=slug).first() or Definition(slug=slug)
    if document is None and row.declared_version is None and registry.latest(slug) is None:
        raise DefinitionRefused("definition_not_found", f"There is no definition {slug!r}.")
    if expected == NEW and row.declared_version is not None:
        said = f"There is a definition {slug!r} already, at version {row.declared_version}."
        raise DefinitionRefused("definition_exists", said, [Fault("/slug", said)])
    if expected and expected != row.declared_version:
        said = f"The definition is at version {row.declared_version}, not {expected}."
        raise DefinitionRefused("version_conflict", said)
    return row


def _set(row: Definition, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    try:
        row.full_clean(exclude=["slug"])
    except ValidationError as error:
        faults = [Fault(at("", name), said[0]) for name, said in error.message_dict.items()]
        raise DefinitionRefused("values_invalid", "; ".join(error.messages), faults) from error


def _next_number(row: Definition, document: Any) -> int | None:
    """Return the number of the version that a document becomes; None when it is the latest already."""
    if document is None:
        return None
    latest = DefinitionVersion.objects.filter(definition_id=row.slug).order_by("-number").first()
    if latest is None:
        return _number_after_deletion(row.slug)
    # As texts: to Python true and 1 are equal.
    same = msgspec.json.encode(latest.document) == msgspec.json.encode(document)
    return None if same and latest.interpreter_version == interpreter.VERSION else latest.number + 1


def _number_after_deletion(slug: str) -> int:
    """Return the first number that the slug never had: pumps may still know the versions of a deleted definition."""
    declared = DefinitionChange.objects.filter(slug=slug).exclude(after__version=None)
    return (declared.values_list("after__version", flat=True).first() or 0) + 1


def _record(row: Definition) -> dict[str, Any]:
    """Return a definition as the history keeps it."""
    return {"version": row.declared_version, **{name: getattr(row, name) for name in SETTABLE}}


def _keep_change(slug: str, before: dict[str, Any], after: dict[str, Any], actor: Actor, reason: str) -> None:
    if before != after:
        DefinitionChange.objects.create(
            slug=slug, actor=actor.user, actor_name=actor.name, reason=reason.strip(), before=before, after=after
        )
