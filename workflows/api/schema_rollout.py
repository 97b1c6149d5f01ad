"""The OpenAPI description of the shadow report's and the simulations' addresses."""

from workflows.api import serializers_rollout
from workflows.api.schema import BAD_QUERY, REFUSALS, operation

GET_SHADOW_REPORT = operation(
    "get_shadow_report",
    {200: (serializers_rollout.ShadowReport, "The counts of these days.")},
    REFUSALS | {400: BAD_QUERY},
    query=serializers_rollout.ShadowReportQuery,
    headers={"Retry-After": [503], "WWW-Authenticate": [401, 403]},
)
