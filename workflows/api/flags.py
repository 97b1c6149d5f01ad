"""The org of the key: its rollout, and what of it is buffered."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import ClassVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, responses, schema, serializers, serializers_buffer
from workflows.api.auth import Caller, caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem
from workflows.api.serializers import FlagsRequest, NoQuery
from workflows.intake import console, refresher, rollout
from workflows.intake.rollout import Actor, RolloutRefused
from workflows.scopes import Scopes

SEE = frozenset({Scopes.BUFFER_MANAGE, Scopes.FLAGS_WRITE})
WRITE = frozenset({Scopes.FLAGS_WRITE})
STATUSES = {
    "org_not_found": HTTPStatus.NOT_FOUND,
    "reason_missing": HTTPStatus.BAD_REQUEST,
    "version_conflict": HTTPStatus.PRECONDITION_FAILED,
    "values_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
}

flags_body = msgspec.json.Decoder(FlagsRequest)


class FlagsView(ApiView):
    """How far the org is enrolled."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": SEE, "PUT": WRITE}

    @schema.GET_FLAGS
    def get(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        return show(caller_of(request))

    @schema.PUT_FLAGS
    def put(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        caller = caller_of(request)
        expected = parsing.if_match(request)
        if expected is None:
            detail = "Send If-Match with the version you read, so that no one's change is lost."
            raise Problem(HTTPStatus.PRECONDITION_REQUIRED, "if_match_required", detail, parameter="If-Match")
        sent = parsing.decode(flags_body, parsing.read_body(request))
        replace(caller, sent, expected)
        refresher.refresh()
        return show(caller)


def replace(caller: Caller, sent: FlagsRequest, expected: int) -> None:
    """Set all flags.

    Raises:
        Problem: they are not set.
    """
    values = {name: getattr(sent, name) for name in rollout.FIELDS}
    try:
        rollout.set_rollout(
            caller.env.org.id,
            actor=Actor(caller.name),
            reason=sent.reason,
            expected_version=expected,
            **values,
        )
    except RolloutRefused as refusal:
        pointer = f"/{next(iter(refusal.fields))}" if refusal.fields else None
        raise Problem(STATUSES[refusal.code], refusal.code, str(refusal), pointer=pointer) from refusal


def show(caller: Caller) -> HttpResponse:
    org = caller.env.org
    flags = refresher.current().flags_of(org.id)
    body = serializers.Flags(org.slug, **asdict(flags))
    return responses.encode(body, headers={"ETag": f'"{flags.version}"'})


class BufferView(ApiView):
    """What of the org is buffered."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": SEE}

    @schema.GET_BUFFER
    def get(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        org = caller_of(request).env.org
        depth = console.depths([org.id])[org.id]
        available = depth.queued is not None
        return responses.encode(serializers_buffer.Buffer(org.slug, available, depth.queued, depth.oldest_seconds))
