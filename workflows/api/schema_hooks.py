"""The OpenAPI description of what comes from outside: resumes of hooks, and events of a log.

A resume asks for no key: who knows the token may, and it is 128 random bits unless the workflow chose another.
"""

from workflows.api import serializers_hooks
from workflows.api.schema import BAD_BODY, NO_INSTANCE, REFUSALS, operation

RESUME_HOOK = operation(
    "resume_hook",
    {
        202: (
            serializers_hooks.Resumed,
            "Handed over. The same `resume_id` with the same payload is answered alike.",
        )
    },
    {
        400: BAD_BODY,
        404: "No active hook has this token. The token is the permission, no key is asked for.",
        410: "The instance has finished (`already_finished`).",
        413: "The payload is too large.",
        422: "The `resume_id` was used with another payload (`resume_mismatch`).",
        429: "The instance has too much to read before it can be handed more (`too_many_unread`).",
        503: REFUSALS[503],
    },
    body=serializers_hooks.ResumeRequest,
    headers={"Retry-After": [429, 503]},
)
APPEND_EVENT = operation(
    "append_event",
    {201: (serializers_hooks.Appended, "The log has it.")},
    REFUSALS
    | {
        400: BAD_BODY,
        404: NO_INSTANCE,
        409: "The log (`fence_conflict`) or the metadata (`version_conflict`) moved on, with `expected` and `current`; "
        "or it can't be told any more when to start (`already_started`).",
        410: "It is finished (`already_finished`).",
        413: "The body is too large.",
        422: "It would be too large (`limit_exceeded`), or an operation does not fit (`operation_invalid`).",
    },
    body=serializers_hooks.EventRequest,
    headers={"Retry-After": [503], "WWW-Authenticate": [401, 403]},
    sent={"If-Match": "The `seq` the decision was made at: refused when the log moved on."},
)
