"""The OpenAPI description of the bulk actions' addresses."""

from workflows.api import serializers_bulk
from workflows.api.schema import BAD_BODY, BAD_QUERY, REFUSALS, operation

NO_ACTION = "No such bulk action, or it belongs to another environment."
FAULTY = " Or the filter is at fault (`search_invalid`, with the word and the fix)."
CHALLENGE = {"WWW-Authenticate": [401, 403]}

LIST_BULK_ACTIONS = operation(
    "list_bulk_actions",
    {200: (serializers_bulk.BulkPage, "A page of the environment's bulk actions.")},
    REFUSALS | {400: BAD_QUERY},
    query=serializers_bulk.BulkQuery,
    headers=CHALLENGE,
)
GET_BULK_ACTION = operation(
    "get_bulk_action",
    {200: (serializers_bulk.BulkAction, "The bulk action, and how far it is.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_ACTION},
    headers=CHALLENGE,
)
POST_BULK_ACTION = operation(
    "post_bulk_action",
    {
        202: (serializers_bulk.BulkAction, "It is begun; watch it at its address."),
        200: (serializers_bulk.BulkCounted, "A dry run: how many it would be, and some of them."),
    },
    REFUSALS | {400: BAD_BODY + FAULTY, 413: "The body is too large."},
    body=serializers_bulk.BulkRequest,
    headers={"Location": [202], **CHALLENGE},
)
ABORT_BULK_ACTION = operation(
    "abort_bulk_action",
    {200: (serializers_bulk.BulkAction, "The bulk action: aborted, or `aborting` until its batch is done.")},
    REFUSALS
    | {400: BAD_BODY, 404: NO_ACTION, 409: "It has ended (`already_finished`).", 413: "The body is too large."},
    body=serializers_bulk.AbortRequest,
    headers=CHALLENGE,
)
