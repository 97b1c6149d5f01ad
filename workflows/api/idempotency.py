"""Idempotency keys: free one by hand."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_verbs, serializers
from workflows.api.auth import WHY, caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery
from workflows.audit import Actor
from workflows.intake import idempotency
from workflows.scopes import Scopes

BUSY = "The instance of this key is still buffered or being written; come again."
LONGEST = 255


class KeyView(ApiView):
    """One key of one definition."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"DELETE": frozenset({Scopes.INSTANCES_WRITE})}

    @schema_verbs.DELETE_KEY
    def delete(self, request: Request, definition: str, key: str) -> HttpResponse:
        parsing.query(request, NoQuery)
        if max(len(definition), len(key)) > LONGEST or "\0" in definition + key:
            raise problems.not_found("idempotency key")
        caller = caller_of(request)
        match idempotency.reset(caller.env, definition, key, actor=Actor(caller.name), reason=WHY):
            case idempotency.Cleared(id_):
                return responses.encode(serializers.ClearedKey(id_))
            case idempotency.Busy(id_):
                raise Problem(HTTPStatus.CONFLICT, "busy", BUSY, headers={"Retry-After": "1"}, id=str(id_))
            case idempotency.NotFound():
                raise problems.not_found("idempotency key")
