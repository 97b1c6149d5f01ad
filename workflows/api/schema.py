"""The OpenAPI description of each operation, made from the shapes the API really decodes and encodes."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema

from workflows.api import (
    examples,
    problems,
    serializers,
    serializers_batch,
    serializers_buffer,
)
from workflows.api.shapes import SHAPES
from workflows.attributes import Operation

F = TypeVar("F", bound=Callable[..., Any])
JSON = "application/json"
REF = "#/components/schemas/{name}"
# Shapes that leave out what has nothing to say, and parts of what is sent.
NOT_WHOLE = {"Problem", "BatchItem", "TagsSet", "MetadataSet", *(each.__name__ for each in get_args(Operation))}
REFUSALS = {
    401: "No key, or one that is unknown, revoked or expired.",
    403: "The key lacks the scope.",
    503: "The service can't answer now; `Retry-After` says when to try again.",
}
BAD_BODY = "Malformed JSON, a wrong type, an unknown field, a NUL, or JSON too deep or numbers too large."
BAD_QUERY = "A query parameter that is unknown, repeated or not what it should be."
NO_INSTANCE = "No such instance, or it belongs to another environment."
ANSWER_HEADERS = {
    "X-Request-Id": "The request's id: the one that was sent, or a new one.",
    "Retry-After": "Seconds to wait before trying again.",
    "Idempotent-Replayed": "`true`: this is the instance an earlier trigger with the key made.",
    "Mollifier-Gate": "`fail-open`: the gate did not answer in time, so the trigger started directly.",
    "Mollifier-Buffer": "`unavailable`: the buffer did not answer, so only instances that have a row are listed.",
    "Location": "The address of what was made.",
    "ETag": "The version of what is shown; send it as `If-Match`.",
    "WWW-Authenticate": "How to authenticate, and what was wrong.",
}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names our authentication in the schema."""

    target_class = "workflows.api.auth.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "mo_<prefix>_<secret>"}


def ref(shape: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": REF.format(name=shape.__name__)}


def components() -> dict[str, Any]:
    """Return the JSON schema of every shape; answers hold all their members, but for those of NOT_WHOLE."""
    made = msgspec.json.schema_components(SHAPES, ref_template=REF)[1]
    for name, schema in made.items():
        if not name.endswith("Request") and name not in NOT_WHOLE:
            schema["required"] = list(schema["properties"])
    made["BatchRequest"]["properties"]["triggers"]["items"] = ref(serializers.TriggerRequest)
    return made


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put the shapes and the header that every answer carries into the generated schema; a spectacular hook."""
    result["components"]["schemas"] = components()
    for operations in result["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                shown = response.setdefault("headers", {})
                shown.setdefault("X-Request-Id", header("X-Request-Id"))
    return result


def header(name: str) -> dict[str, Any]:
    return {"schema": {"type": "string"}, "description": ANSWER_HEADERS[name]}


def parameters(shape: type[msgspec.Struct]) -> list[OpenApiParameter]:
    """Describe a query string's struct as parameters."""
    properties = msgspec.json.schema_components([shape], ref_template=REF)[1][shape.__name__]["properties"]
    return [
        OpenApiParameter(name, one_type(schema), description=describe(schema), default=schema.get("default"))
        for name, schema in properties.items()
    ]


def one_type(schema: dict[str, Any]) -> dict[str, Any]:
    """Leave out null, which a query string can't say."""
    return next((each for each in schema.get("anyOf", []) if each.get("type") != "null"), schema)


def describe(schema: dict[str, Any]) -> str:
    return str(one_type(schema).get("description", ""))


def in_header(name: str, description: str, statuses: list[int] | None = None) -> OpenApiParameter:
    """Describe a header that is sent, or one that answers with these statuses carry."""
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, response=statuses or False)


def shown(name: str, value: Any, *, request: bool, status: int) -> OpenApiExample:
    return OpenApiExample(name, value, request_only=request, response_only=not request, status_codes=[str(status)])


def operation(
    name: str,
    answers: Mapping[int, tuple[type[msgspec.Struct] | None, str]],
    refusals: Mapping[int, str],
    *,
    body: type[msgspec.Struct] | None = None,
    query: type[msgspec.Struct] | None = None,
    headers: Mapping[str, list[int]] | None = None,
    sent: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Describe one method of one address: what it takes, each answer, each refusal, its headers and examples."""
    responses: dict[Any, Any] = {}
    for status, (shape, said) in answers.items():
        given = [shown(key, value, request=False, status=status) for key, value in examples.answers(name, status)]
        responses[status, JSON] = OpenApiResponse(ref(shape) if shape else None, said, given)
    for status, said in sorted(refusals.items()):
        responses[status, problems.MEDIA_TYPE] = OpenApiResponse(ref(serializers.Problem), said)
    asked = [shown(key, value, request=True, status=200) for key, value in examples.bodies(name)]
    decorate: Callable[[F], F] = extend_schema(
        operation_id=name,
        parameters=[
            *(parameters(query) if query else []),
            *(in_header(key, said) for key, said in (sent or {}).items()),
            *(in_header(key, ANSWER_HEADERS[key], codes) for key, codes in (headers or {}).items()),
        ],
        request={JSON: OpenApiRequest(ref(body), examples=asked)} if body else None,
        responses=responses,
    )
    return decorate


POST_TRIGGER = operation(
    "post_trigger",
    {
        201: (serializers.Instance, "Started."),
        202: (serializers.Instance, "Buffered: it will start in its turn. The instance is real: read it, cancel it."),
        200: (serializers.Instance, "The instance that an earlier trigger with this idempotency key made."),
    },
    REFUSALS
    | {
        400: BAD_BODY,
        404: "No such workflow definition.",
        409: "`idempotency_in_progress`: an earlier trigger with this key is being written; come again.",
        413: "The body or the payload is too large.",
        422: "The definition is inactive, or the key was used with another body (`idempotency_mismatch`).",
        429: "`throttled_event_backlog`: too many of its group run. `throttled_cascade`: its chain is too long.",
        503: "The buffer is full, or nothing can be written now.",
    },
    body=serializers.TriggerRequest,
    headers={
        "Idempotent-Replayed": [200],
        "Mollifier-Gate": [201],
        "Retry-After": [409, 429, 503],
        "WWW-Authenticate": [401, 403],
    },
)
POST_BATCH = operation(
    "post_batch",
    {200: (serializers_batch.BatchAnswer, "What became of each, in order.")},
    REFUSALS | {400: BAD_BODY, 413: "The body is too large: send fewer triggers at a time."},
    body=serializers.BatchRequest,
    headers={"Mollifier-Gate": [200], "WWW-Authenticate": [401, 403]},
)
LIST_INSTANCES = operation(
    "list_instances",
    {200: (serializers.InstancePage, "A page of the list.")},
    REFUSALS | {400: BAD_QUERY},
    query=serializers.ListQuery,
    headers={"Mollifier-Buffer": [200], "WWW-Authenticate": [401, 403]},
)
GET_INSTANCE = operation(
    "get_instance",
    {200: (serializers.Instance, "The instance.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_INSTANCE},
    headers={"ETag": [200], "WWW-Authenticate": [401, 403]},
)
LIST_EVENTS = operation(
    "list_events",
    {200: (serializers.EventPage, "Events after the given one; a buffered instance has none yet.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_INSTANCE},
    query=serializers.EventsQuery,
    headers={"WWW-Authenticate": [401, 403]},
)
GET_BUFFER = operation(
    "get_buffer",
    {200: (serializers_buffer.Buffer, "What of the key's org is buffered.")},
    REFUSALS | {400: BAD_QUERY},
    headers={"WWW-Authenticate": [401, 403]},
)
LIST_ENTRIES = operation(
    "list_entries",
    {200: (serializers_buffer.BufferPage, "A page of the environment's buffered entries.")},
    REFUSALS | {400: BAD_QUERY},
    query=serializers_buffer.EntriesQuery,
    headers={"WWW-Authenticate": [401, 403]},
)
NO_LETTER = {
    400: BAD_BODY,
    404: "Nothing of this id is buffered, or it belongs to another environment.",
    409: "It is buffered and no dead letter (`not_failed`).",
    413: "The body is too large.",
}
REDRIVE_ENTRY = operation(
    "redrive_entry",
    {200: (serializers_buffer.Decided, "It is tried again, with its attempts forgotten.")},
    REFUSALS | NO_LETTER,
    body=serializers_buffer.DecisionRequest,
    headers={"WWW-Authenticate": [401, 403]},
)
DISCARD_ENTRY = operation(
    "discard_entry",
    {200: (serializers_buffer.Decided, "It is gone for good; its idempotency key is free. The decision is kept.")},
    REFUSALS | NO_LETTER,
    body=serializers_buffer.DecisionRequest,
    headers={"WWW-Authenticate": [401, 403]},
)
GET_FLAGS = operation(
    "get_flags",
    {200: (serializers.Flags, "The flags.")},
    REFUSALS | {400: BAD_QUERY},
    headers={"ETag": [200], "WWW-Authenticate": [401, 403]},
)
PUT_FLAGS = operation(
    "put_flags",
    {200: (serializers.Flags, "The flags as they are now.")},
    REFUSALS
    | {
        400: BAD_BODY,
        412: "Someone changed the flags since: read them again.",
        413: "The body is too large.",
        422: "This mode can't be set.",
        428: "If-Match is missing: say which version is to be replaced.",
    },
    body=serializers.FlagsRequest,
    headers={"ETag": [200], "WWW-Authenticate": [401, 403]},
    sent={"If-Match": "The version that is to be replaced: `version`, or the ETag, of what was read."},
)
