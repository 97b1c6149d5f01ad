"""The OpenAPI description of the verbs on one instance, and on its idempotency key."""

from collections.abc import Callable

import msgspec

from workflows.api import serializers
from workflows.api.schema import BAD_BODY, BAD_QUERY, NO_INSTANCE, REFUSALS, F, operation

FINISHED_OR_MOVED_ON = "It is finished (`already_finished`), or its log moved on (`fence_conflict`, with both numbers)."


def verb(
    name: str, body: type[msgspec.Struct], said: str, conflict: str = "", refusals: dict[int, str] | None = None
) -> Callable[[F], F]:
    """Describe a verb on one instance."""
    return operation(
        name,
        {200: (serializers.Instance, said)},
        REFUSALS
        | {
            400: BAD_BODY,
            404: NO_INSTANCE,
            409: f"{FINISHED_OR_MOVED_ON}{conflict}",
            413: "The body is too large.",
        }
        | (refusals or {}),
        body=body,
        headers={"ETag": [200], "Retry-After": [503], "WWW-Authenticate": [401, 403]},
        sent={"If-Match": "The `seq` the decision was made at: refused when the log moved on."},
    )


CANCEL_INSTANCE = verb("cancel_instance", serializers.CancelRequest, "The instance as it is now: cancelled.")
CHANGE_TAGS = verb(
    "change_tags",
    serializers.TagsRequest,
    "The instance with its tags as they are now.",
    refusals={422: "It would have more than 10 tags (`limit_exceeded`)."},
)
CHANGE_METADATA = verb(
    "change_metadata",
    serializers.MetadataRequest,
    "The instance with its metadata as they are now.",
    conflict=" Or the metadata was changed since `expected_version` (`version_conflict`, with both numbers).",
    refusals={422: "It would be too large (`limit_exceeded`), or an operation does not fit (`operation_invalid`)."},
)
RESCHEDULE_INSTANCE = verb(
    "reschedule_instance",
    serializers.RescheduleRequest,
    "The instance; it starts at that time or later.",
    conflict=" Or it has started (`already_started`).",
)
PAUSE_INSTANCE = verb("pause_instance", serializers.PauseRequest, "The instance as it is now: paused.")
RESUME_INSTANCE = verb("resume_instance", serializers.PauseRequest, "The instance as it is now.")
DELETE_KEY = operation(
    "delete_idempotency_key",
    {200: (serializers.ClearedKey, "The key is free: the next trigger with it starts something new.")},
    REFUSALS
    | {
        400: BAD_QUERY,
        404: "The key is free.",
        409: "The instance of this key is still buffered or being written (`busy`); come again.",
    },
    headers={"Retry-After": [409, 503], "WWW-Authenticate": [401, 403]},
)
