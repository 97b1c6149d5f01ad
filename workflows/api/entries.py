"""Entries of the buffer: list them, and decide about dead letters."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema, serializers_buffer
from workflows.api.auth import caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery
from workflows.api.serializers_buffer import DecisionRequest, EntriesQuery
from workflows.intake import deadletters, entries
from workflows.intake.deadletters import DeadLetterOutcome
from workflows.intake.rollout import Actor
from workflows.scopes import Scopes

MANAGE = frozenset({Scopes.BUFFER_MANAGE})
decision_body = msgspec.json.Decoder(DecisionRequest)


class EntriesView(ApiView):
    """The list."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": MANAGE}

    @schema.LIST_ENTRIES
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, EntriesQuery)
        page = entries.listing(caller_of(request).env, asked.state, asked.cursor, asked.limit)
        shown = [
            serializers_buffer.BufferEntry(
                id=each.id,
                definition=each.definition,
                state=each.state,
                reason=each.reason,
                accepted_at=each.accepted_at,
                attempts=each.attempts,
                lapses=each.lapses,
                error=each.error,
                cancelled=each.cancelled,
            )
            for each in page.data
        ]
        return responses.encode(serializers_buffer.BufferPage(shown, page.next_cursor))


class RedriveView(ApiView):
    """Try a dead letter again."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": MANAGE}

    @schema.REDRIVE_ENTRY
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        return decide(request, id_, deadletters.redrive)


class DiscardView(ApiView):
    """Remove a dead letter."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": MANAGE}

    @schema.DISCARD_ENTRY
    def post(self, request: Request, id_: UUID) -> HttpResponse:
        return decide(request, id_, deadletters.discard)


def decide(request: Request, id_: UUID, verb: Callable[..., Any]) -> HttpResponse:
    """Carry a decision out.

    Raises:
        Problem: it is not carried out.
    """
    parsing.query(request, NoQuery)
    caller = caller_of(request)
    asked = parsing.decode(decision_body, parsing.read_body(request))
    outcome: DeadLetterOutcome = verb(caller.env, id_, actor=Actor(caller.name), reason=asked.reason)
    match outcome:
        case DeadLetterOutcome.REDRIVEN | DeadLetterOutcome.DISCARDED:
            return responses.encode(serializers_buffer.Decided(id_, outcome.value))
        case DeadLetterOutcome.NOT_FAILED:
            raise Problem(HTTPStatus.CONFLICT, outcome.value, "It is buffered, and no dead letter.")
        case DeadLetterOutcome.NOT_FOUND:
            raise problems.not_found("entry")
