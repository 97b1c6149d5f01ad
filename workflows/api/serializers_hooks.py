"""Shapes of what is handed to an instance from outside; see serializers."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from workflows.api.serializers import MAX_CHANGES, AsOf, Aware, SomeTags
from workflows.attributes import Operation


class ResumeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What the workflow gets from its `await`."""

    payload: Any
    resume_id: (
        Annotated[str, Meta(min_length=1, max_length=200, description="The same one again is the same resume, once.")]
        | None
    ) = None


class Resumed(Struct, frozen=True):
    """It is in the instance's log, under this number."""

    instance_id: UUID
    seq: int


class TagsSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Tags to take away, then tags to add."""

    add: SomeTags = ()
    remove: SomeTags = ()


class MetadataSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Operations on members of the metadata, in order, all or none."""

    operations: Annotated[tuple[Operation, ...], Meta(min_length=1, max_length=MAX_CHANGES)]
    expected_version: Annotated[int, Meta(ge=0, le=2_147_483_647)] | None = None


class EventRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """One event to append to the log: exactly one of `tags`, `metadata` and `run_after`."""

    type: Literal["attribute_set"]
    tags: TagsSet | UnsetType = UNSET
    metadata: MetadataSet | UnsetType = UNSET
    run_after: Aware | UnsetType = UNSET
    as_of: AsOf | None = None


class Appended(Struct, frozen=True):
    """The log's tail now; 0 while it is buffered, where it has no log yet. What changes nothing is no event."""

    seq: int
