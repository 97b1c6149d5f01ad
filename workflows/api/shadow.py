"""The shadow report of the org of the key."""

from collections.abc import Mapping
from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_rollout
from workflows.api.auth import caller_of
from workflows.api.base import ApiView
from workflows.api.serializers_rollout import Counted, ShadowReport, ShadowReportQuery
from workflows.intake import shadow
from workflows.scopes import Scopes

SEE = frozenset({Scopes.BUFFER_MANAGE, Scopes.FLAGS_WRITE})


class ShadowReportView(ApiView):
    """What would have been mollified."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": SEE}

    @schema_rollout.GET_SHADOW_REPORT
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, ShadowReportQuery)
        org = caller_of(request).env.org
        found = shadow.report(org.id, asked.days)
        if found is None:
            raise problems.unavailable("buffer_unavailable", "The buffer, which keeps the counts, does not answer.")
        return responses.encode(shape(org.slug, found))


def shape(org: str, found: shadow.ShadowReport) -> ShadowReport:
    return ShadowReport(
        org=org,
        days=found.days,
        since=found.since,
        arrived=found.arrived,
        over=found.over,
        would_buffer=found.would_buffer,
        share_percent=round(found.share, 2),
        trips=found.trips,
        failed_open=found.failed_open,
        full=found.full,
        wait_p50_ms=found.wait_p50_ms,
        wait_p95_ms=found.wait_p95_ms,
        reasons=[Counted(*each) for each in found.reasons],
        definitions=[Counted(*each) for each in found.definitions],
    )
