"""The log of one instance: read it, and append to it from outside."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from msgspec import UnsetType
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema, schema_hooks, serializers_hooks
from workflows.api.auth import Caller, caller_of
from workflows.api.base import ApiView
from workflows.api.instances import READ, WRITE, fence, read
from workflows.api.problems import Problem, invalid
from workflows.api.serializers import EventsQuery
from workflows.api.serializers_hooks import EventRequest
from workflows.api.triggers import due
from workflows.intake import control, lookup
from workflows.intake.control import BUFFERED_SEQ, At
from workflows.scopes import Scopes

ONE = "Send exactly one of `tags`, `metadata` and `run_after`."
event_body = msgspec.json.Decoder(EventRequest)


class EventsView(ApiView):
    """The log of one instance."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ, "POST": WRITE}

    @schema.LIST_EVENTS
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        asked = parsing.query(request, EventsQuery)
        log = lookup.read_log(caller_of(request).env, id_, asked.after, asked.limit)
        if log is None:
            raise problems.not_found("instance")
        return responses.log(log)

    @schema_hooks.APPEND_EVENT
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        asked = read(request, event_body)
        match set_attribute(caller_of(request), id_, asked, fence(request, asked.as_of)):
            case control.Changed(seq):
                return appended(seq)
            case control.ChangedInBuffer():
                return appended(BUFFERED_SEQ)
            case control.AlreadyFinished(status):
                raise Problem(HTTPStatus.GONE, "already_finished", f"It is {status} already.", state=str(status))
            case refused:
                raise responses.not_steered(refused)


def set_attribute(caller: Caller, id_: UUID, asked: EventRequest, at: At) -> control.Steer:
    """Carry out the one change that is asked for.

    Raises:
        Problem: 400 when there is none, or more than one.
    """
    given = [each for each in (asked.tags, asked.metadata, asked.run_after) if not isinstance(each, UnsetType)]
    if len(given) != 1:
        raise invalid("invalid_field", ONE, "")
    env, actor = caller.env, caller.name
    match given[0]:
        case serializers_hooks.TagsSet(add, remove):
            return control.change_tags(env, id_, add=add, remove=remove, actor=actor, at=at)
        case serializers_hooks.MetadataSet(operations, version):
            return control.change_metadata(env, id_, operations, expected_version=version, actor=actor, at=at)
        case run_after:
            return control.reschedule(env, id_, due(run_after, ""), actor=actor, at=at)


def appended(seq: int) -> HttpResponse:
    return responses.encode(serializers_hooks.Appended(seq), HTTPStatus.CREATED)
