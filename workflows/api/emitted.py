"""Events: emit one, and see what it started."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request
from uuid_utils.compat import uuid7

from workflows import conf
from workflows.api import parsing, problems, responses, schema_events
from workflows.api.auth import Caller, caller_of
from workflows.api.base import ApiView
from workflows.api.serializers_events import EmitRequest, EmittedAnswer, EventOutcome
from workflows.api.triggers import ROOM_BESIDE, WRITE, encoder, place_of
from workflows.intake import ancestry, emission, submission
from workflows.intake.events import BindingOutcome, Emitted
from workflows.intake.submission import Submission
from workflows.lineage import Lineage
from workflows.scopes import Scopes
from workflows.trigger import fingerprint

emit_body = msgspec.json.Decoder(EmitRequest)
WORDS: Mapping[type, str] = {
    submission.Started: "started",
    submission.Buffered: "buffered",
    submission.Existing: "existing",
    submission.Throttled: "throttled",
    submission.Rejected: "rejected",
    submission.Full: "full",
    submission.Unavailable: "unavailable",
    submission.InProgress: "in_progress",
    submission.Mismatch: "mismatch",
}


class EmittedView(ApiView):
    """The way in for events."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    @schema_events.EMIT_EVENT
    def post(self, request: Request) -> HttpResponse:
        sent = parsing.decode(emit_body, parsing.read_body(request, conf.current().max_payload_bytes + ROOM_BESIDE))
        event_id = uuid7()
        emitted = read(sent, caller_of(request), problems.sent_id_of(request) or str(event_id), place_of(request))
        done = emission.take(event_id, emitted)
        answer = EmittedAnswer(event_id, done.key, done.kept, [shape(each) for each in done.outcomes])
        return responses.encode(answer, HTTPStatus.ACCEPTED)


def read(sent: EmitRequest, caller: Caller, name: str, told: Lineage | None) -> Emitted:
    """Make an event of the caller's environment of a body; `name` and what it holds are its key, where it has none.

    Raises:
        Problem: the payload is too large.
    """
    payload, most = encoder.encode(sent.payload), conf.current().max_payload_bytes
    if len(payload) > most:
        detail = f"A payload may have {most} bytes; this one has {len(payload)}."
        raise parsing.too_large("payload_too_large", detail, "/payload")
    known = ancestry.find(caller.env, sent.cause) if sent.cause else None
    return Emitted(
        org_id=caller.env.org.id,
        env_id=caller.env.id,
        type=sent.type,
        payload=payload,
        key=sent.key or f"{name} {fingerprint(sent.type, payload)}"[-emission.MAX_KEY :],
        cause=sent.cause,
        parent=known or ancestry.asking(caller.env, None, told),
    )


def shape(outcome: BindingOutcome) -> EventOutcome:
    """Lay one outcome out."""
    done = outcome.submission
    reason, message = _reason(done)
    word = WORDS[type(done)]
    return EventOutcome(outcome.binding_id, outcome.definition, word, reason, message, _instance(done))


def _reason(done: Submission) -> tuple[str | None, str | None]:
    match done:
        case submission.Throttled(code, message) | submission.Rejected(code, message):
            return code, message
        case submission.Full(level):
            return "buffer_full", f"The buffer is full: the cap of {responses.LEVELS[level]} is reached."
        case submission.Unavailable():
            return "database_unavailable", responses.UNAVAILABLE
        case _:
            return None, None


def _instance(done: Submission) -> UUID | None:
    match done:
        case submission.Started(instance) | submission.Buffered(instance) | submission.Existing(instance):
            return instance.id
        case submission.InProgress(id_) | submission.Mismatch(id_):
            return id_
        case _:
            return None
