"""Shapes of a batch of triggers: what became of each, and of all."""

from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from workflows.api.serializers import Instance


class BatchItem(Struct, frozen=True, omit_defaults=True):
    """What became of one trigger: the status it would have had alone, and its instance or its problem."""

    index: int
    status: int
    replayed: bool = False
    instance: Instance | UnsetType = UNSET
    problem: Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/Problem"})] | UnsetType = UNSET


class BatchSummary(Struct, frozen=True):
    """How many triggers ended how."""

    started: int
    buffered: int
    existing: int
    refused: int


class BatchAnswer(Struct, frozen=True):
    """Results in the order of the triggers."""

    results: list[BatchItem]
    summary: BatchSummary
