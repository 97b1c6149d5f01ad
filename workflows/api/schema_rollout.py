"""The OpenAPI description of the shadow report's and the simulations' addresses."""

from workflows.api import serializers_rollout
from workflows.api.schema import BAD_BODY, BAD_QUERY, REFUSALS, operation

GET_SHADOW_REPORT = operation(
    "get_shadow_report",
    {200: (serializers_rollout.ShadowReport, "The counts of these days.")},
    REFUSALS | {400: BAD_QUERY},
    query=serializers_rollout.ShadowReportQuery,
    headers={"Retry-After": [503], "WWW-Authenticate": [401, 403]},
)
POST_SIMULATION = operation(
    "post_simulation",
    {
        200: (
            serializers_rollout.SimulationAnswer,
            "What would have become of them, and what with the settings as they are.",
        )
    },
    REFUSALS
    | {
        400: BAD_BODY,
        413: "The body is too large.",
        422: "`nothing_recorded`: set the org to shadow, and come back.",
        503: "`simulation_busy`: another one is under way; or the buffer does not answer.",
    },
    body=serializers_rollout.SimulationRequest,
    headers={"Retry-After": [503], "WWW-Authenticate": [401, 403]},
)
