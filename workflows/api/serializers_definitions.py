"""Shapes of definitions; see serializers. A document is checked on its own, with the place of each fault."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from workflows.api.serializers import MAX_LIST, Aware, Reason

Slug = Annotated[str, Meta(min_length=1, max_length=100, description="1 to 100 of a-z A-Z 0-9 - _.")]
Document = Annotated[
    Any, Meta(description="The definition; see docs/declarative.md.", extra_json_schema={"type": "object"})
]
ShardBy = Literal["instance", "definition"]
Limit = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Passes in each environment and window; 0 is no limit.")]
WindowMs = Annotated[int, Meta(ge=1, le=86_400_000)]


class DefinitionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A definition that is not there yet."""

    slug: Slug
    document: Document
    reason: Reason | None = None
    active: bool = True
    shard_by: ShardBy = "instance"
    limit: Limit = 0
    window_ms: WindowMs = 1_000


class DefinitionPatchRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be changed; a document becomes the next version, unless it is the latest already."""

    document: Document | UnsetType = UNSET
    reason: Reason | None = None
    active: bool | UnsetType = UNSET
    shard_by: ShardBy | UnsetType = UNSET
    limit: Limit | UnsetType = UNSET
    window_ms: WindowMs | UnsetType = UNSET


class DefinitionsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which definitions to list."""

    cursor: Annotated[str, Meta(max_length=100, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class DefinitionQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which version to show; the latest by default."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None


class VersionsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which versions to list."""

    cursor: Annotated[int, Meta(ge=1, le=2**31 - 1, description="`next_cursor` of the page before.")] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_LIST)] = 50


class DefinitionSummary(Struct, frozen=True):
    """A definition without its document."""

    slug: str
    kind: Annotated[str, Meta(extra_json_schema={"enum": ["code", "declared", "absent"]})]
    version: Annotated[int, Meta(description="The one that new instances are pinned to.")] | None
    active: bool
    shard_by: str
    limit: int
    window_ms: int
    unrunnable: Annotated[str, Meta(description="Why its triggers are refused though it is active.")] | None


class DefinitionPage(Struct, frozen=True):
    """Definitions by slug."""

    data: list[DefinitionSummary]
    next_cursor: str | None


class DefinitionVersion(Struct, frozen=True):
    """One version of a declared definition: who saved it, when and why."""

    version: int
    interpreter_version: int
    created_at: Aware
    by: str
    reason: str


class DefinitionVersionPage(Struct, frozen=True):
    """Versions, the latest first."""

    data: list[DefinitionVersion]
    next_cursor: int | None


class DefinitionDetail(Struct, frozen=True):
    """A definition; of one in code there is no document and no version to show."""

    definition: DefinitionSummary
    shown: DefinitionVersion | None
    document: Document
