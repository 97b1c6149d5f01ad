"""Triggers: one, or a thousand at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request as HttpRequest

from workflows import conf, lineage, tracing
from workflows.api import parsing, problems, responses, schema
from workflows.api.auth import Caller, caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem, invalid
from workflows.api.responses import Taken
from workflows.api.serializers import BatchRequest, TriggerRequest
from workflows.intake import ancestry, submission
from workflows.lineage import Lineage
from workflows.scopes import Scopes
from workflows.trigger import Request

WRITE = frozenset({Scopes.TRIGGER_WRITE})
MAX_DELAY = timedelta(days=366)
# Beside the payload: the other fields, and what escaping and white space may add to all of them.
ROOM_BESIDE = 512 * 1024

trigger_body = msgspec.json.Decoder(TriggerRequest)
batch_body = msgspec.json.Decoder(BatchRequest)
encoder = msgspec.json.Encoder()


class TriggersView(ApiView):
    """The way in for one trigger."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    @schema.POST_TRIGGER
    def post(self, request: HttpRequest) -> HttpResponse:
        body = parsing.read_body(request, conf.current().max_payload_bytes + ROOM_BESIDE)
        caller = caller_of(request)
        asked = replace(read(body, caller, problems.sent_id_of(request), told=place_of(request)), tell_left=True)
        with tracing.request("POST /api/v1/triggers", traceparent_of(request)):
            outcome = submission.submit(asked)
        return responses.taken(outcome).as_response()


class BatchView(ApiView):
    """The way in for many: each stands for itself."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    @schema.POST_BATCH
    def post(self, request: HttpRequest) -> HttpResponse:
        sent = parsing.decode_outer(batch_body, parsing.read_body(request)).triggers
        bodies = [bytes(each) for each in sent]
        with tracing.request("POST /api/v1/triggers/batch", traceparent_of(request), count=len(bodies)):
            results = submit_all(bodies, caller_of(request), problems.sent_id_of(request), place_of(request))
        return responses.batch(results, problems.request_id_of(request))


def submit_all(
    bodies: Sequence[bytes], caller: Caller, sent_id: str | None = None, told: Lineage | None = None
) -> list[Taken | Problem]:
    """Submit those that can be read together, and answer for each in its place."""
    read_each = [
        attempt(read, body, caller, sent_id and f"{sent_id} {index}", pointer(index), told)
        for index, body in enumerate(bodies)
    ]
    outcomes = iter(submission.submit_many([each for each in read_each if isinstance(each, Request)]))
    return [
        each if isinstance(each, Problem) else attempt(responses.taken, next(outcomes), pointer(index))
        for index, each in enumerate(read_each)
    ]


def pointer(index: int) -> str:
    return f"/triggers/{index}"


def attempt(function: Any, *arguments: Any) -> Any:
    """Return what the function does, or the problem it raises."""
    try:
        return function(*arguments)
    except Problem as problem:
        return problem


def read(body: bytes, caller: Caller, sent_as: str | None = None, at: str = "", told: Lineage | None = None) -> Request:
    """Check the body of one trigger and make a request of it for the caller's environment.

    Args:
        body: The trigger's JSON.
        caller: Whose key came with it.
        sent_as: What the caller named it, where it did.
        at: The pointer of the trigger inside a larger body.
        told: The instance that the headers of the request tell of.

    Raises:
        Problem: 400 or 413, pointing at the fault.
    """
    sent = parsing.decode(trigger_body, body, at)
    payload, metadata = encoder.encode(sent.payload), encoder.encode(sent.metadata)
    limits = conf.current()
    if len(payload) > limits.max_payload_bytes:
        detail = f"A payload may have {limits.max_payload_bytes} bytes; this one has {len(payload)}."
        raise parsing.too_large("payload_too_large", detail, f"{at}/payload")
    if len(metadata) > limits.max_metadata_bytes:
        detail = f"Metadata may have {limits.max_metadata_bytes} bytes; these have {len(metadata)}."
        raise parsing.too_large("metadata_too_large", detail, f"{at}/metadata")
    return Request(
        org_id=caller.env.org.id,
        env_id=caller.env.id,
        definition=sent.definition,
        payload=payload,
        metadata=metadata,
        tags=tuple(dict.fromkeys(sent.tags)),
        idempotency_key=sent.idempotency_key,
        run_after=due(sent.run_after, at) if sent.run_after else None,
        bufferable=sent.buffer == "auto",
        sent_as=sent_as,
        parent=ancestry.asking(caller.env, sent.parent, told),
    )


def place_of(request: HttpRequest) -> Lineage | None:
    """Return the instance that made this request, as its headers tell."""
    return lineage.from_headers(request.headers)


def traceparent_of(request: HttpRequest) -> str | None:
    """Return the span that this request was made in, as its header tells."""
    return request.META.get("HTTP_TRACEPARENT")


def due(run_after: datetime, at: str) -> datetime:
    """Return the time in UTC; a past one means now.

    Raises:
        Problem: it is more than a year ahead.
    """
    now = datetime.now(UTC)
    if run_after - now > MAX_DELAY:
        raise invalid("invalid_field", f"`run_after` may be {MAX_DELAY.days} days ahead.", f"{at}/run_after")
    return max(run_after, now).astimezone(UTC)
