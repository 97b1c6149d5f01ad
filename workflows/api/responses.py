"""From outcomes to HTTP: every outcome has its status, none is forgotten."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpResponse
from msgspec import Raw

from workflows.api import problems, serializers, serializers_batch
from workflows.api.problems import Problem
from workflows.intake import control, hooks, lookup, submission, view
from workflows.intake.directory import Env
from workflows.intake.lookup import Log, Page
from workflows.intake.submission import Submission

JSON = "application/json"
HOOKS = "/api/v1/hooks/"
FAIL_OPEN = {"Mollifier-Gate": "fail-open"}
REPLAYED = {"Idempotent-Replayed": "true"}
IN_PROGRESS = "An earlier trigger with this idempotency key is on its way; come again."
MISMATCH = "This idempotency key was used with another payload."
UNAVAILABLE = "Nothing can be written now; send it again."
LIMITS = {"tags": "tags", "metadata": "bytes of metadata", "events": "events in its log"}
LEVELS = {"env": "this environment", "org": "this organization", "total": "the service"}
# The status of each refusal and the member of the trigger that is at fault; None: none of them is.
REJECTED: dict[str, tuple[HTTPStatus, str | None]] = {
    "definition_not_found": (HTTPStatus.NOT_FOUND, "/definition"),
    "env_not_found": (HTTPStatus.NOT_FOUND, None),
    "definition_inactive": (HTTPStatus.UNPROCESSABLE_ENTITY, "/definition"),
    "preflight": (HTTPStatus.UNPROCESSABLE_ENTITY, "/definition"),
    "payload_too_large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "/payload"),
    "trigger_invalid": (HTTPStatus.UNPROCESSABLE_ENTITY, ""),
}

encoder = msgspec.json.Encoder()


def encode(body: Any, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(encoder.encode(body), JSON, int(status), headers=headers)


def shape(instance: view.InstanceView) -> serializers.Instance:
    """Lay an instance out as every answer shows it; its JSON parts are passed on as they are."""
    error, notice = instance.error, instance.notice
    return serializers.Instance(
        id=instance.id,
        definition=instance.definition,
        version=instance.version,
        status=instance.status,
        org=instance.org,
        env=instance.env,
        source=instance.source,
        tags=instance.tags,
        metadata=Raw(instance.metadata),
        metadata_version=instance.metadata_version,
        payload=Raw(instance.payload),
        output=Raw(instance.output),
        error=serializers.Error(error.code, error.message) if error else None,
        shard=instance.shard,
        root_id=instance.root_id,
        parent_id=instance.parent_id,
        depth=instance.depth,
        cause=instance.cause,
        event=serializers.Origin(instance.event_type, instance.event_key or "") if instance.event_type else None,
        hooks=tuple(serializers.Hook(each.name, each.token, f"{HOOKS}{each.token}") for each in instance.hooks),
        notice=(
            serializers.Notice(notice.code, notice.message, notice.position, notice.eta_seconds) if notice else None
        ),
        accepted_at=instance.accepted_at,
        run_after=instance.run_after,
        created_at=instance.created_at,
        started_at=instance.started_at,
        finished_at=instance.finished_at,
    )


def instance(found: view.InstanceView) -> HttpResponse:
    """Show one instance with its hooks; its tag is the tail of its log, so a later write can be conditional on it."""
    return encode(shape(hooks.attach(found)), headers={"ETag": f'"{found.last_seq}"'})


def page(found: Page) -> HttpResponse:
    cursor = str(found.next_cursor) if found.next_cursor else None
    body = serializers.InstancePage([shape(each) for each in found.data], cursor)
    return encode(body, headers=None if found.complete else {"Mollifier-Buffer": "unavailable"})


def log(found: Log) -> HttpResponse:
    events = [
        serializers.Event(each.seq, each.type, each.correlation_id, Raw(each.data), each.at) for each in found.events
    ]
    return encode(serializers.EventPage(events, found.last_seq))


@dataclass(frozen=True, slots=True)
class Taken:
    """A trigger that has an instance now, and how one that was sent alone is answered."""

    status: HTTPStatus
    instance: serializers.Instance
    headers: dict[str, str] | None = None
    quota: submission.Quota | None = None

    def as_response(self) -> HttpResponse:
        return encode(self.instance, self.status, {**(self.headers or {}), **rate_limit(self.quota)})


def rate_limit(quota: submission.Quota | None) -> dict[str, str]:
    """Tell what of the limit is left (draft-ietf-httpapi-ratelimit-headers); windows there are whole seconds."""
    if quota is None:
        return {}
    seconds = math.ceil(quota.window_ms / 1000)
    most = quota.limit * seconds * 1000 // quota.window_ms
    return {
        "RateLimit-Policy": f'"env";q={most};w={seconds}',
        "RateLimit": f'"env";r={quota.left};t={math.ceil(quota.free_in_ms / 1000)}',
    }


def taken(outcome: Submission, at: str = "") -> Taken:
    """Answer for one submission; `at` is the pointer of its trigger inside a larger body.

    Raises:
        Problem: it has no instance.
    """
    match outcome:
        case submission.Started(found, fail_open, again, quota):
            headers = FAIL_OPEN if fail_open else REPLAYED if again else None
            return Taken(HTTPStatus.CREATED, shape(found), headers, quota)
        case submission.Buffered(found, again, quota):
            return Taken(HTTPStatus.ACCEPTED, shape(found), REPLAYED if again else None, quota)
        case submission.Existing(found):
            return Taken(HTTPStatus.OK, shape(found), REPLAYED)
        case refused:
            raise refusal(refused, at)


Temporary = submission.InProgress | submission.Throttled | submission.Full | submission.Unavailable
Refused = submission.Mismatch | submission.Rejected | Temporary


def refusal(outcome: Refused, at: str) -> Problem:
    """Say why a trigger has no instance."""
    match outcome:
        case submission.Mismatch(id_):
            status, where = HTTPStatus.UNPROCESSABLE_ENTITY, f"{at}/idempotency_key"
            return Problem(status, "idempotency_mismatch", MISMATCH, pointer=where, id=str(id_))
        case submission.Rejected(code, message):
            status, member = REJECTED[code]
            return Problem(status, code, message, pointer=None if member is None else at + member)
        case temporary:
            return refusal_for_now(temporary)


def refusal_for_now(outcome: Temporary) -> Problem:
    """Say when to send a trigger again that was refused for reasons that pass."""
    match outcome:
        case submission.InProgress(id_, retry_after_seconds):
            return again(HTTPStatus.CONFLICT, "idempotency_in_progress", IN_PROGRESS, retry_after_seconds, id_)
        case submission.Throttled(code, message, retry_after_seconds):
            return again(HTTPStatus.TOO_MANY_REQUESTS, code, message, retry_after_seconds)
        case submission.Full(level, retry_after_seconds):
            detail = f"The buffer is full: the cap of {LEVELS[level]} is reached."
            return again(HTTPStatus.SERVICE_UNAVAILABLE, "buffer_full", detail, retry_after_seconds)
        case submission.Unavailable(retry_after_seconds):
            return again(HTTPStatus.SERVICE_UNAVAILABLE, "database_unavailable", UNAVAILABLE, retry_after_seconds)


def again(status: HTTPStatus, code: str, detail: str, retry_after_seconds: int, id_: UUID | None = None) -> Problem:
    """Return a problem that time may solve."""
    extra = {"id": str(id_)} if id_ else {}
    return Problem(status, code, detail, headers={"Retry-After": str(retry_after_seconds)}, **extra)


def batch(results: Sequence[Taken | Problem], request_id: str) -> HttpResponse:
    """Answer for many, in their order."""
    items = [
        serializers_batch.BatchItem(
            index, int(result.status), problem=Raw(msgspec.json.encode(result.as_dict(request_id)))
        )
        if isinstance(result, Problem)
        else serializers_batch.BatchItem(index, int(result.status), result.headers == REPLAYED, result.instance)
        for index, result in enumerate(results)
    ]
    statuses = Counter(item.status for item in items)
    started, buffered, existing = (statuses[int(s)] for s in (HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.OK))
    summary = serializers_batch.BatchSummary(started, buffered, existing, len(items) - started - buffered - existing)
    failed_open = any(isinstance(result, Taken) and result.headers == FAIL_OPEN for result in results)
    return encode(serializers_batch.BatchAnswer(items, summary), headers=FAIL_OPEN if failed_open else None)


def steered(env: Env, id_: UUID, outcome: control.Cancel | control.Steer) -> HttpResponse:
    """Show the instance after a verb.

    Raises:
        Problem: the verb was refused, and nothing was changed.
    """
    match outcome:
        case control.CancelledInBuffer() | control.Cancelled() | control.ChangedInBuffer() | control.Changed():
            found = lookup.find(env, id_)
            if found is None:
                raise problems.not_found("instance")
            return instance(found)
        case refused:
            raise not_steered(refused)


Conflicting = control.AlreadyFinished | control.AlreadyStarted | control.FenceConflict | control.VersionConflict
Impossible = control.LimitExceeded | control.OperationInvalid | control.CapReached | control.Unreadable


def not_steered(outcome: Conflicting | Impossible | control.NotFound) -> Problem:
    """Say why a verb was refused."""
    match outcome:
        case control.NotFound():
            return problems.not_found("instance")
        case (
            control.AlreadyFinished() | control.AlreadyStarted() | control.FenceConflict() | control.VersionConflict()
        ) as conflicting:
            return conflict(conflicting)
        case impossible_one:
            return impossible(impossible_one)


def conflict(outcome: Conflicting) -> Problem:
    """Say what came first."""
    status = HTTPStatus.CONFLICT
    match outcome:
        case control.AlreadyFinished(ended):
            return Problem(status, "already_finished", f"It is {ended} already.", state=str(ended))
        case control.AlreadyStarted():
            return Problem(status, "already_started", "It has started; it can't be told when to.")
        case control.FenceConflict(expected, current):
            detail = f"Its log is at {current}, not at {expected}."
            return Problem(status, "fence_conflict", detail, expected=expected, current=current)
        case control.VersionConflict(expected, current):
            detail = f"Its metadata is at version {current}, not at {expected}."
            return Problem(status, "version_conflict", detail, expected=expected, current=current)


def impossible(outcome: Impossible) -> Problem:
    """Say what stands in the way."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    match outcome:
        case control.LimitExceeded(limit, most):
            detail = f"It would have more than {most} {LIMITS[limit]}."
            return Problem(status, "limit_exceeded", detail, limit=limit, most=most)
        case control.OperationInvalid(index, message):
            return Problem(status, "operation_invalid", f"It can't be: {message}.", pointer=f"/operations/{index}")
        case control.CapReached(level):
            return problems.unavailable("buffer_full", f"The buffer is full: the cap of {LEVELS[level]} is reached.")
        case control.Unreadable():
            return Problem(status, "entry_unreadable", "What is buffered of it can't be read; it can be cancelled.")
