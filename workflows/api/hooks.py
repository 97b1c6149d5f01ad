"""Hooks: hand a payload to an instance that waits for it. The token in the address is the permission."""

from http import HTTPStatus

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows import conf
from workflows.api import parsing, problems, responses, schema_hooks, serializers_hooks
from workflows.api.base import OpenView
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery
from workflows.api.serializers_hooks import ResumeRequest
from workflows.intake import hooks

RETRY_SECONDS = 1
# Beside the payload: the other field, and what escaping and white space may add.
ROOM_BESIDE = 64 * 1024

resume_body = msgspec.json.Decoder(ResumeRequest)
encoder = msgspec.json.Encoder()


class HookView(OpenView):
    """One hook, by its token."""

    @schema_hooks.RESUME_HOOK
    def post(self, request: Request, token: str) -> HttpResponse:
        parsing.query(request, NoQuery)
        most = conf.current().max_payload_bytes
        sent = parsing.decode(resume_body, parsing.read_body(request, most + ROOM_BESIDE))
        payload = encoder.encode(sent.payload)
        if len(payload) > most:
            detail = f"A payload may have {most} bytes; this one has {len(payload)}."
            raise parsing.too_large("payload_too_large", detail, "/payload")
        match hooks.resume(token, payload, sent.resume_id):
            case hooks.Resumed(instance_id, seq, _):
                return responses.encode(serializers_hooks.Resumed(instance_id, seq), HTTPStatus.ACCEPTED)
            case refused:
                raise not_resumed(refused)


def not_resumed(
    outcome: hooks.HookNotFound
    | hooks.InstanceFinished
    | hooks.ResumeMismatch
    | hooks.TooManyUnread
    | hooks.PayloadRefused,
) -> Problem:
    """Say why nothing was handed on."""
    invalid = HTTPStatus.UNPROCESSABLE_ENTITY
    match outcome:
        case hooks.HookNotFound():
            return problems.not_found("hook")
        case hooks.InstanceFinished(status):
            return Problem(HTTPStatus.GONE, "already_finished", f"The instance is {status} already.", state=str(status))
        case hooks.ResumeMismatch():
            detail = "This resume_id was used with another payload."
            return Problem(invalid, "resume_mismatch", detail, pointer="/resume_id")
        case hooks.PayloadRefused():
            detail = "The database can't hold what the payload carries."
            return Problem(invalid, "payload_invalid", detail, pointer="/payload")
        case hooks.TooManyUnread(limit):
            detail = f"The instance has {limit} to read before it can be handed more."
            headers = {"Retry-After": str(RETRY_SECONDS)}
            return Problem(HTTPStatus.TOO_MANY_REQUESTS, "too_many_unread", detail, headers=headers, limit=limit)
