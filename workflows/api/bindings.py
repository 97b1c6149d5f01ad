"""Bindings of the key's environment: list, make, switch on and off, and ask what an event would start."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn
from uuid import UUID

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_events, serializers_events
from workflows.api.auth import WHY, caller_of
from workflows.api.base import ApiView
from workflows.api.emitted import emit_body, read
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery, PageQuery
from workflows.api.serializers_events import (
    BindingChangeRequest,
    BindingPage,
    BindingRequest,
    BindingTest,
    BindingTestAnswer,
)
from workflows.api.triggers import place_of
from workflows.audit import Actor
from workflows.intake import bindings, events, refresher
from workflows.intake.bindings import BindingRefused, Bound
from workflows.intake.directory import Env
from workflows.scopes import Scopes

READ = frozenset({Scopes.INSTANCES_READ})
WRITE = frozenset({Scopes.INSTANCES_WRITE})

binding_body = msgspec.json.Decoder(BindingRequest)
change_body = msgspec.json.Decoder(BindingChangeRequest)


class BindingsView(ApiView):
    """All that events of the environment may start something by."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ, "POST": WRITE}

    @schema_events.LIST_BINDINGS
    def get(self, request: Request) -> HttpResponse:
        asked, env = parsing.query(request, PageQuery), caller_of(request).env
        page = bindings.listing(env.org.id, env.id, asked.cursor, asked.limit)
        return responses.encode(BindingPage([shape(each) for each in page.data], page.next_cursor))

    @schema_events.POST_BINDING
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        env = caller.env
        sent = msgspec.structs.asdict(parsing.decode(binding_body, parsing.read_body(request)))
        try:
            made = bindings.create(actor=Actor(caller.name), reason=WHY, org_id=env.org.id, env_id=env.id, **sent)
        except BindingRefused as refusal:
            refuse(refusal)
        refresher.refresh()
        return responses.encode(shape(made.bound), HTTPStatus.CREATED if made.new else HTTPStatus.OK)


class BindingView(ApiView):
    """One binding."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": READ, "PATCH": WRITE}

    @schema_events.GET_BINDING
    def get(self, request: Request, id_: UUID) -> HttpResponse:
        parsing.query(request, NoQuery)
        return responses.encode(shape(find(caller_of(request).env, id_)))

    @schema_events.PATCH_BINDING
    def patch(self, request: Request, id_: UUID) -> HttpResponse:
        sent = parsing.decode(change_body, parsing.read_body(request))
        caller = caller_of(request)
        if find(caller.env, id_).env_id is None:
            detail = "It is for more than this environment; an operator can change it."
            raise Problem(HTTPStatus.FORBIDDEN, "binding_not_yours", detail)
        try:
            changed = bindings.change(id_, actor=Actor(caller.name), reason=WHY, **given(sent))
        except BindingRefused as refusal:
            refuse(refusal)
        refresher.refresh()
        if changed is None:
            raise problems.not_found("binding")
        return responses.encode(shape(changed))


class BindingTestView(ApiView):
    """What an event would start."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": READ}

    @schema_events.TEST_BINDINGS
    def post(self, request: Request) -> HttpResponse:
        sent = parsing.decode(emit_body, parsing.read_body(request))
        emitted = read(sent, caller_of(request), "test", place_of(request))
        found = [
            BindingTest(match.bound.id, match.bound.definition, not match.why, match.why or None)
            for match in events.explain(emitted)
        ]
        return responses.encode(BindingTestAnswer(found))


def find(env: Env, id_: UUID) -> Bound:
    """Return a binding that is for this environment.

    Raises:
        Problem: there is none.
    """
    found = bindings.find(id_, env.org.id, env.id)
    if found is None:
        raise problems.not_found("binding")
    return found


def given(sent: BindingChangeRequest) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(sent).items() if value is not msgspec.UNSET}


def refuse(refusal: BindingRefused) -> NoReturn:
    name, said = next(iter(refusal.fields.items()))
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, refusal.code, said, pointer=f"/{name}") from refusal


def shape(bound: Bound) -> serializers_events.Binding:
    """Lay a binding out."""
    scope = "everybody" if bound.org_id is None else "org" if bound.env_id is None else "env"
    return serializers_events.Binding(
        id=bound.id,
        scope=scope,
        pattern=bound.pattern,
        definition=bound.definition,
        condition=bound.condition,
        loop_policy=bound.loop.value,
        enabled=bound.enabled,
        limit=bound.limit,
        window_seconds=bound.window_seconds,
    )
