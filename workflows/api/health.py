"""Is the process alive, can it serve, and what do its counters say."""

from http import HTTPStatus

from django.http import HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.request import Request

from workflows import conf
from workflows.api import auth, responses, schema_health
from workflows.api.base import OpenView
from workflows.api.serializers_health import Health
from workflows.intake import exposition, vitals
from workflows.scopes import Scopes


class LiveView(OpenView):
    """The process answers."""

    @schema_health.LIVE
    def get(self, _request: Request) -> HttpResponse:
        return responses.encode(Health("ok"))


class ReadyView(OpenView):
    """Send it requests: it knows its tenants and reaches its database. Without Redis it serves, unsmoothed."""

    @schema_health.READY
    def get(self, _request: Request) -> HttpResponse:
        checks = vitals.check()
        if "unavailable" in (checks["database"], checks["directory"]):
            return responses.encode(Health("unavailable", checks), HTTPStatus.SERVICE_UNAVAILABLE)
        return responses.encode(Health("ok" if set(checks.values()) == {"ok"} else "degraded", checks))


class MetricsView(OpenView):
    """Counters of the whole service, read from what its processes share; any process gives the same answer."""

    @schema_health.METRICS
    def get(self, request: Request) -> HttpResponse:
        if not conf.current().metrics_public:
            auth.require(auth.identify(request.META.get("HTTP_AUTHORIZATION", "")), frozenset({Scopes.METRICS_READ}))
        return HttpResponse(generate_latest(exposition.Service()), CONTENT_TYPE_LATEST)
