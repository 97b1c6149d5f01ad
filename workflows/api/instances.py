"""Instances: read one, list them, and the verbs on one, buffered or not."""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import ClassVar, TypeVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows import search
from workflows.api import parsing, problems, responses, schema, schema_events, schema_verbs
from workflows.api.auth import caller_of
from workflows.api.base import ApiView
from workflows.api.problems import invalid
from workflows.api.serializers import (
    CancelRequest,
    ListQuery,
    MetadataRequest,
    NoQuery,
    PauseRequest,
    RescheduleRequest,
    TagsRequest,
)
from workflows.api.serializers_events import Tree
from workflows.api.triggers import due
from workflows.intake import ancestry, control, cursor, lookup, narrowing
from workflows.intake.control import At
from workflows.intake.cursor import Cursor, CursorInvalid
from workflows.intake.directory import Env
from workflows.intake.lookup import Filters
from workflows.intake.narrowing import Narrowed, SearchTooWide
from workflows.scopes import Scopes
from workflows.search import SearchInvalid

READ = frozenset({Scopes.INSTANCES_READ})
WRITE = frozenset({Scopes.INSTANCES_WRITE})
DEFAULT_REASON = "Cancelled by a caller"

cancel_body = msgspec.json.Decoder(CancelRequest)
tags_body = msgspec.json.Decoder(TagsRequest)
metadata_body = msgspec.json.Decoder(MetadataRequest)
reschedule_body = msgspec.json.Decoder(RescheduleRequest)
pause_body = msgspec.json.Decoder(PauseRequest)
T = TypeVar("T")


class InstancesView(ApiView):
    """The list."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ}

    @schema.LIST_INSTANCES
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, ListQuery)
        env, below = caller_of(request).env, placed(asked.cursor)
        filters = Filters(asked.status, asked.definition, asked.tag, asked.since, searched(env, asked.q))
        try:
            with narrowing.patience() if filters.search else nullcontext():
                return responses.page(lookup.listing(env, filters, below, asked.limit))
        except SearchTooWide as error:
            raise problems.invalid_parameter(error.code, str(error), "q") from None


def placed(text: str | None) -> Cursor | None:
    """Read a cursor.

    Raises:
        Problem: 400, it is none of ours.
    """
    try:
        return None if text is None else cursor.read(text)
    except CursorInvalid:
        detail = "`cursor` is not a `next_cursor` of this list."
        raise problems.invalid_parameter("invalid_parameter", detail, "cursor") from None


class InstanceView(ApiView):
    """One instance, buffered or not."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ}

    @schema.GET_INSTANCE
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        found = lookup.find(caller_of(request).env, id_)
        if found is None:
            raise problems.not_found("instance")
        return responses.instance(found)


class TreeView(ApiView):
    """What came of an instance's root."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ}

    @schema_events.GET_TREE
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        found = ancestry.tree(caller_of(request).env, id_)
        if found is None:
            raise problems.not_found("instance")
        return responses.encode(Tree([responses.shape(each) for each in found]))


class CancelView(ApiView):
    """Cancel an instance wherever it is."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    @schema_verbs.CANCEL_INSTANCE
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked, caller = read(request, cancel_body), caller_of(request)
        at = fence(request, asked.as_of)
        outcome = control.cancel(caller.env, id_, asked.reason or DEFAULT_REASON, actor=caller.name, at=at)
        return responses.steered(caller.env, id_, outcome)


class SteerView(ApiView):
    """A verb on an instance wherever it is."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}


class TagsView(SteerView):
    """Add and take away tags."""

    @schema_verbs.CHANGE_TAGS
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked, caller = read(request, tags_body), caller_of(request)
        at = fence(request, asked.as_of)
        outcome = control.change_tags(caller.env, id_, add=asked.add, remove=asked.remove, actor=caller.name, at=at)
        return responses.steered(caller.env, id_, outcome)


class MetadataView(SteerView):
    """Operate on the metadata."""

    @schema_verbs.CHANGE_METADATA
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked, caller = read(request, metadata_body), caller_of(request)
        outcome = control.change_metadata(
            caller.env,
            id_,
            asked.operations,
            expected_version=asked.expected_version,
            actor=caller.name,
            at=fence(request, asked.as_of),
        )
        return responses.steered(caller.env, id_, outcome)


class RescheduleView(SteerView):
    """Say when an instance may start."""

    @schema_verbs.RESCHEDULE_INSTANCE
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked, caller = read(request, reschedule_body), caller_of(request)
        at = fence(request, asked.as_of)
        outcome = control.reschedule(caller.env, id_, due(asked.run_after, ""), actor=caller.name, at=at)
        return responses.steered(caller.env, id_, outcome)


class PauseView(SteerView):
    """Keep an instance from going on."""

    @schema_verbs.PAUSE_INSTANCE
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked, caller = read(request, pause_body), caller_of(request)
        outcome = control.pause(caller.env, id_, actor=caller.name, at=fence(request, asked.as_of))
        return responses.steered(caller.env, id_, outcome)


class ResumeView(SteerView):
    """Let a paused instance go on."""

    @schema_verbs.RESUME_INSTANCE
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked, caller = read(request, pause_body), caller_of(request)
        outcome = control.resume(caller.env, id_, actor=caller.name, at=fence(request, asked.as_of))
        return responses.steered(caller.env, id_, outcome)


def searched(env: Env, text: str | None) -> Narrowed | None:
    """Read a search of one environment.

    Raises:
        Problem: 400 naming the word and the fix.
    """
    try:
        return narrowing.resolve(search.parse(text), [env]) if text else None
    except SearchInvalid as error:
        raise problems.invalid_parameter(error.code, str(error), "q") from None


def read(request: Request, body: "msgspec.json.Decoder[T]") -> T:
    """Read what a verb is given; no body is as good as an empty object."""
    parsing.query(request, NoQuery)
    return parsing.decode(body, parsing.read_body(request) or b"{}")


def fence(request: Request, as_of: datetime | None) -> At:
    """Read what the caller decided at.

    Raises:
        Problem: 400 when it is said in two ways.
    """
    seq = parsing.if_match(request)
    if seq is not None and as_of is not None:
        raise invalid("invalid_field", "Send If-Match or `as_of`, not both.", "/as_of")
    return At(seq, as_of)
