"""The OpenAPI description of events, bindings and trees."""

from workflows.api import serializers_events as shapes
from workflows.api.schema import BAD_BODY, BAD_QUERY, NO_INSTANCE, REFUSALS, operation
from workflows.api.serializers import PageQuery

KEYED = {"WWW-Authenticate": [401, 403]}
TOLD = {
    "Mollifier-Parent": "The instance that makes this request; its tree and its depth go on.",
    "Mollifier-Root": "The root of that.",
    "Mollifier-Depth": "How many generations stand above it.",
    "Mollifier-Chain": "The definitions from the root's to its own, comma separated.",
}
NOT_A_BINDING = "A value is not what it must be; `pointer` names it."
NO_BINDING = "There is no such binding for this environment."

EMIT_EVENT = operation(
    "emit_event",
    {202: (shapes.EmittedAnswer, "Taken: each matching binding with what became of it.")},
    REFUSALS | {400: BAD_BODY, 413: "The body or the payload is too large."},
    body=shapes.EmitRequest,
    headers={"Retry-After": [503], **KEYED},
    sent=TOLD,
)
LIST_BINDINGS = operation(
    "list_bindings",
    {200: (shapes.BindingPage, "A page of the bindings.")},
    REFUSALS | {400: BAD_QUERY},
    query=PageQuery,
    headers=KEYED,
)
POST_BINDING = operation(
    "post_binding",
    {
        201: (shapes.Binding, "Made."),
        200: (shapes.Binding, "There was one for the same; it is as it was, switched off perhaps."),
    },
    REFUSALS | {400: BAD_BODY, 413: "The body is too large.", 422: NOT_A_BINDING},
    body=shapes.BindingRequest,
    headers=KEYED,
)
GET_BINDING = operation(
    "get_binding",
    {200: (shapes.Binding, "The binding.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_BINDING},
    headers=KEYED,
)
PATCH_BINDING = operation(
    "patch_binding",
    {200: (shapes.Binding, "The binding as it is now.")},
    REFUSALS
    | {
        400: BAD_BODY,
        403: "The key lacks the scope, or the binding is for more than this environment (`binding_not_yours`).",
        404: NO_BINDING,
        413: "The body is too large.",
        422: NOT_A_BINDING,
    },
    body=shapes.BindingChangeRequest,
    headers=KEYED,
)
TEST_BINDINGS = operation(
    "test_bindings",
    {200: (shapes.BindingTestAnswer, "Each binding whose pattern matches; nothing is written.")},
    REFUSALS | {400: BAD_BODY, 413: "The body or the payload is too large."},
    body=shapes.EmitRequest,
    headers=KEYED,
)
GET_TREE = operation(
    "get_tree",
    {200: (shapes.Tree, "The tree.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_INSTANCE},
    headers=KEYED,
)
