"""WORKFLOWS: the settings of the engine."""

import json

from settings import env

COLLECTOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def service_url() -> str:
    """Return where bin/up serves, or served last; the default port before its first start."""
    kept = env.kept("runtime.json")
    return (json.loads(kept).get("address") if kept else None) or "http://127.0.0.1:8000"


WORKFLOWS: dict[str, object] = {
    "STOP_FLAG": "mollifier.cluster.stop_requested",
    "SERVICE_URL": service_url(),
    # OpenTelemetry reads its own variables; that one of these is set asks for traces.
    "TRACING": any(map(env.text, COLLECTOR)),
    **env.prefixed("WORKFLOWS_"),
}
