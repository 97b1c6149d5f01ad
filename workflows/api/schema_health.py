"""The OpenAPI description of what probes ask."""

from drf_spectacular.utils import OpenApiResponse, extend_schema

from workflows.api import serializers_health
from workflows.api.schema import operation

LIVE = operation("get_live", {200: (serializers_health.Health, "Alive.")}, {})
READY = operation(
    "get_ready",
    {200: (serializers_health.Health, "Ready, perhaps degraded."), 503: (serializers_health.Health, "Not ready.")},
    {},
)
METRICS = extend_schema(
    operation_id="get_metrics",
    responses={(200, "text/plain"): OpenApiResponse(str, "Prometheus text format.")},
)
