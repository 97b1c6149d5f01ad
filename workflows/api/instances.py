"""Instances: read one, list them, read a log, cancel."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema
from workflows.api.auth import caller_of
from workflows.api.base import ApiView
from workflows.api.serializers import CancelRequest, EventsQuery, ListQuery, NoQuery
from workflows.intake import control, lookup
from workflows.intake.lookup import Filters
from workflows.scopes import Scopes

READ = frozenset({Scopes.INSTANCES_READ})
WRITE = frozenset({Scopes.INSTANCES_WRITE})
DEFAULT_REASON = "Cancelled by a caller"

cancel_body = msgspec.json.Decoder(CancelRequest)


class InstancesView(ApiView):
    """The list."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ}

    @schema.LIST_INSTANCES
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, ListQuery)
        filters = Filters(asked.status, asked.definition, asked.tag, asked.since)
        page = lookup.listing(caller_of(request).env, filters, asked.cursor, asked.limit)
        return responses.page(page)


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


class EventsView(ApiView):
    """The log of one instance."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ}

    @schema.LIST_EVENTS
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        asked = parsing.query(request, EventsQuery)
        log = lookup.read_log(caller_of(request).env, id_, asked.after, asked.limit)
        if log is None:
            raise problems.not_found("instance")
        return responses.log(log)


class CancelView(ApiView):
    """Cancel an instance wherever it is."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    @schema.CANCEL_INSTANCE
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        caller = caller_of(request)
        body = parsing.read_body(request)
        asked = parsing.decode(cancel_body, body) if body else CancelRequest()
        expected_seq = parsing.if_match(request)
        outcome = control.cancel(
            caller.env, id_, asked.reason or DEFAULT_REASON, actor=caller.name, expected_seq=expected_seq
        )
        return responses.cancelled(caller.env, id_, outcome)
