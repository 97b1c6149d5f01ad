"""What if: simulations of the org of the key under other settings. Nothing is changed by them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import ClassVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_rollout
from workflows.api.auth import caller_of
from workflows.api.base import ApiView
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery
from workflows.api.serializers_rollout import (
    Counted,
    SimulationAnswer,
    SimulationPoint,
    SimulationRequest,
    SimulationResult,
    SimulationSettings,
)
from workflows.intake import simulations
from workflows.intake.simulations import Result, Simulation, SimulationRefused, Wish
from workflows.scopes import Scopes

WRITE = frozenset({Scopes.FLAGS_WRITE})
STATUSES = {
    "values_invalid": HTTPStatus.BAD_REQUEST,
    "org_not_found": HTTPStatus.NOT_FOUND,
    "nothing_recorded": HTTPStatus.UNPROCESSABLE_ENTITY,
}
BUSY_SECONDS = 20

simulation_body = msgspec.json.Decoder(SimulationRequest)


class SimulationsView(ApiView):
    """Answers when it is done, which takes seconds."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    @schema_rollout.POST_SIMULATION
    def post(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        org = caller_of(request).env.org
        asked = parsing.decode(simulation_body, parsing.read_body(request))
        try:
            found = simulations.simulate(org.id, Wish(**msgspec.structs.asdict(asked)))
        except SimulationRefused as refusal:
            raise refused(refusal) from refusal
        return responses.encode(shape(org.slug, found))


def refused(refusal: SimulationRefused) -> Problem:
    if refusal.code not in STATUSES:
        wait = BUSY_SECONDS if refusal.code == "simulation_busy" else 1
        return problems.unavailable(refusal.code, str(refusal), wait)
    pointer = f"/{refusal.field}" if refusal.field else None
    return Problem(STATUSES[refusal.code], refusal.code, str(refusal), pointer=pointer)


def shape(org: str, found: Simulation) -> SimulationAnswer:
    """Lay a simulation out as the API and the command show it."""
    return SimulationAnswer(
        org=org,
        since=found.since,
        until=found.until,
        settings=msgspec.convert(found.settings, SimulationSettings),
        then=shape_result(found.then),
        now=None if found.now is None else shape_result(found.now),
    )


def shape_result(found: Result) -> SimulationResult:
    return SimulationResult(
        triggers=found.triggers,
        recorded=found.recorded,
        passed=found.passed,
        buffered=found.buffered,
        share_percent=round(found.share, 2),
        refused=found.refused,
        trips=found.trips,
        reasons=[Counted(*each) for each in found.reasons],
        peak_depth=found.peak_depth,
        max_age_ms=round(found.max_age_ms, 1),
        wait_p50_ms=None if found.wait_p50_ms is None else round(found.wait_p50_ms, 1),
        wait_p95_ms=None if found.wait_p95_ms is None else round(found.wait_p95_ms, 1),
        left=found.left,
        stopped=found.stopped,
        step_seconds=found.step_seconds,
        points=[
            SimulationPoint(
                at=datetime.fromtimestamp(point.at, UTC),
                arrived=point.arrived,
                buffered=point.buffered,
                drained=point.drained,
                depth=point.depth,
                oldest_age_ms=round(point.oldest_age_ms, 1),
            )
            for point in found.points
        ],
    )
