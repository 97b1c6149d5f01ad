"""Bulk actions: count, begin, watch and abort one verb on all that a search finds in the key's environment."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_bulk, serializers_bulk
from workflows.api.auth import Caller, caller_of, require
from workflows.api.base import ApiView
from workflows.api.problems import Problem, invalid
from workflows.api.serializers import NoQuery
from workflows.api.serializers_bulk import AbortRequest, BulkQuery, BulkRequest
from workflows.audit import Actor
from workflows.intake import bulk
from workflows.intake.bulk import SearchInvalid
from workflows.scopes import Scopes

READ = frozenset({Scopes.INSTANCES_READ})
# What the key must be allowed for each verb, as for one thing alone.
NEEDED = {
    "cancel": frozenset({Scopes.INSTANCES_WRITE}),
    "cancel_backlog": frozenset({Scopes.INSTANCES_WRITE}),
    "redrive": frozenset({Scopes.BUFFER_MANAGE}),
    "replay_suppressed": frozenset({Scopes.TRIGGER_WRITE}),
}
ANY = frozenset().union(*NEEDED.values())

bulk_body = msgspec.json.Decoder(BulkRequest)
abort_body = msgspec.json.Decoder(AbortRequest)


class BulkActionsView(ApiView):
    """The list, and where one is begun."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ, "POST": ANY}

    @schema_bulk.LIST_BULK_ACTIONS
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, BulkQuery)
        found = bulk.listing(caller_of(request).env, asked.cursor, asked.limit + 1)
        following = found[asked.limit - 1].pk if len(found) > asked.limit else None
        return responses.encode(serializers_bulk.BulkPage([shape(each) for each in found[: asked.limit]], following))

    @schema_bulk.POST_BULK_ACTION
    def post(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        caller, asked = caller_of(request), parsing.decode(bulk_body, parsing.read_body(request))
        require(caller, NEEDED[asked.action])
        try:
            return counted(caller, asked) if asked.dry_run else begun(caller, asked)
        except SearchInvalid as error:
            raise invalid(error.code, str(error), "/filter") from None


class BulkActionView(ApiView):
    """One bulk action."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ}

    @schema_bulk.GET_BULK_ACTION
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        return responses.encode(shape(find(caller_of(request), id_)))


class BulkAbortView(ApiView):
    """End one after its batch."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": ANY}

    @schema_bulk.ABORT_BULK_ACTION
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        # No body is as good as an empty object.
        asked, caller = parsing.decode(abort_body, parsing.read_body(request) or b"{}"), caller_of(request)
        action = find(caller, id_)
        require(caller, NEEDED[action.action])
        if not bulk.abort(action, actor=Actor(caller.name), reason=asked.reason or "") and not action.abort_by:
            raise Problem(HTTPStatus.CONFLICT, "already_finished", f"It has ended: {action.state}.", state=action.state)
        return responses.encode(shape(find(caller, id_)))


def counted(caller: Caller, asked: BulkRequest) -> HttpResponse:
    """Answer a dry run."""
    found = bulk.dry_run(asked.action, asked.filter, caller.env)
    sample = [dict(each) for each in found.sample]
    return responses.encode(
        serializers_bulk.BulkCounted(asked.action, asked.filter, found.count, found.more, sample=sample)
    )


def begun(caller: Caller, asked: BulkRequest) -> HttpResponse:
    """Begin it.

    Raises:
        Problem: 400 without a reason.
    """
    if asked.reason is None:
        raise invalid("missing_field", "`reason` is required, but for a dry run.", "/reason")
    action = bulk.create(asked.action, asked.filter, env=caller.env, actor=Actor(caller.name), reason=asked.reason)
    headers = {"Location": f"/api/v1/bulk-actions/{action.pk}"}
    return responses.encode(shape(action), HTTPStatus.ACCEPTED, headers)


def find(caller: Caller, id_: UUID) -> bulk.BulkAction:
    """Find an action of the caller's environment.

    Raises:
        Problem: 404.
    """
    action = bulk.find(caller.env, id_)
    if action is None:
        raise problems.not_found("bulk action")
    return action


def shape(action: bulk.BulkAction) -> serializers_bulk.BulkAction:
    return serializers_bulk.BulkAction(
        id=action.pk,
        action=action.action,  # type: ignore[arg-type]
        filter=action.search,
        reason=action.reason,
        by=action.actor_name,
        state=action.state,  # type: ignore[arg-type]
        total=action.total,
        more=action.more,
        done=action.done,
        skipped=action.skipped,
        failed=action.failed,
        sample=action.sample,
        note=action.note,
        aborting=bool(action.abort_by) and action.finished_at is None,
        created_at=action.created_at,
        started_at=action.started_at,
        heartbeat_at=action.heartbeat_at,
        finished_at=action.finished_at,
    )
