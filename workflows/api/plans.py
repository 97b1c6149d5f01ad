"""Rollout plans of the key's org: list, begin, look at, pause, resume and abort them."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import ClassVar

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api import parsing, problems, responses, schema_plans
from workflows.api import serializers_plans as shapes
from workflows.api.auth import Caller, caller_of
from workflows.api.base import ApiView
from workflows.api.flags import SEE, WRITE
from workflows.api.flags import STATUSES as FLAGS_STATUSES
from workflows.api.problems import Problem
from workflows.api.serializers import NoQuery
from workflows.api.serializers_plans import RolloutPlanRequest, RolloutPlansQuery, RolloutPlanVerbRequest
from workflows.audit import Actor
from workflows.intake import planned, plans, refresher
from workflows.intake.guardrails import Guardrails
from workflows.intake.planned import RolloutPlan
from workflows.intake.plans import PlanRefused, Step
from workflows.scopes import Scopes

STATUSES = FLAGS_STATUSES | {
    "steps_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "guardrails_invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "plan_under_way": HTTPStatus.CONFLICT,
    "wrong_status": HTTPStatus.CONFLICT,
    # No version was sent that could be out of date: somebody else changed the flags at the same moment.
    "version_conflict": HTTPStatus.CONFLICT,
    "not_found": HTTPStatus.NOT_FOUND,
}

plan_body = msgspec.json.Decoder(RolloutPlanRequest)
verb_body = msgspec.json.Decoder(RolloutPlanVerbRequest)


class RolloutPlansView(ApiView):
    """The list, and where one begins."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": SEE, "POST": WRITE}

    @schema_plans.LIST_ROLLOUT_PLANS
    def get(self, request: Request) -> HttpResponse:
        asked = parsing.query(request, RolloutPlansQuery)
        found = planned.listing(caller_of(request).env.org.id, asked.cursor, asked.limit + 1)
        following = found[asked.limit - 1].pk if len(found) > asked.limit else None
        return responses.encode(shapes.RolloutPlanPage([shape(each) for each in found[: asked.limit]], following))

    @schema_plans.POST_ROLLOUT_PLAN
    def post(self, request: Request) -> HttpResponse:
        parsing.query(request, NoQuery)
        caller, sent = caller_of(request), parsing.decode(plan_body, parsing.read_body(request))
        given = [Step(each.mode, each.percent, each.bake_seconds) for each in sent.steps or ()]
        rails = Guardrails(**msgspec.to_builtins(sent.guardrails))
        who, steps = Actor(caller.name), given or plans.DEFAULT_STEPS
        try:
            plan = plans.begin(caller.env.org.id, actor=who, reason=sent.reason, steps=steps, rails=rails)
        except PlanRefused as refusal:
            raise refused(refusal) from refusal
        refresher.refresh()
        headers = {"Location": f"/api/v1/rollout-plans/{plan.pk}"}
        return responses.encode(shape(plan, whole=True), HTTPStatus.CREATED, headers)


class RolloutPlanView(ApiView):
    """One plan."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"GET": SEE}

    @schema_plans.GET_ROLLOUT_PLAN
    def get(self, request: Request, id_: int) -> HttpResponse:
        parsing.query(request, NoQuery)
        return responses.encode(shape(find(caller_of(request), id_), whole=True))


class SteerView(ApiView):
    """A verb on a plan."""

    scopes: ClassVar[Mapping[str, frozenset[Scopes]]] = {"POST": WRITE}

    def steer(self, request: Request, id_: int, act: Callable[..., RolloutPlan]) -> HttpResponse:
        """Carry it out.

        Raises:
            Problem: it is not done.
        """
        parsing.query(request, NoQuery)
        caller, sent = caller_of(request), parsing.decode(verb_body, parsing.read_body(request))
        plan = find(caller, id_)
        try:
            act(plan.pk, actor=Actor(caller.name), reason=sent.reason)
        except PlanRefused as refusal:
            raise refused(refusal) from refusal
        refresher.refresh()
        return responses.encode(shape(find(caller, id_), whole=True))


class PausePlanView(SteerView):
    """Stay at this step."""

    @schema_plans.PAUSE_ROLLOUT_PLAN
    def post(self, request: Request, id_: int) -> HttpResponse:
        return self.steer(request, id_, plans.pause)


class ResumePlanView(SteerView):
    """Go on from this step."""

    @schema_plans.RESUME_ROLLOUT_PLAN
    def post(self, request: Request, id_: int) -> HttpResponse:
        return self.steer(request, id_, plans.resume)


class AbortPlanView(SteerView):
    """End it, and go back to what was before it."""

    @schema_plans.ABORT_ROLLOUT_PLAN
    def post(self, request: Request, id_: int) -> HttpResponse:
        return self.steer(request, id_, plans.abort)


def find(caller: Caller, id_: int) -> RolloutPlan:
    """Find a plan of the caller's org.

    Raises:
        Problem: 404.
    """
    plan = planned.find(id_, caller.env.org.id)
    if plan is None:
        raise problems.not_found("rollout plan")
    return plan


def refused(refusal: PlanRefused) -> Problem:
    if refusal.code == "buffer_unavailable":
        return problems.unavailable(refusal.code, str(refusal))
    pointer = f"/{refusal.field}" if refusal.field else None
    return Problem(STATUSES[refusal.code], refusal.code, str(refusal), pointer=pointer)


def shape(plan: RolloutPlan, *, whole: bool = False) -> shapes.RolloutPlan:
    """Lay a plan out as every answer shows it; `whole` with what happened to it."""
    rails = plans.rails_of(plan)
    return shapes.RolloutPlan(
        id=plan.pk,
        org=plan.org.slug,
        status=plan.status,  # type: ignore[arg-type]
        steps=[shapes.PlanStep(**step) for step in plan.steps],
        step=plan.step,
        step_at=plan.step_at,
        guardrails=shapes.PlanLimits(
            rails.max_drain_failures, rails.max_dwell_p95_ms, rails.max_stale, rails.max_fail_open_percent
        ),
        before=shapes.PlanOrigin(**plan.before),
        reason=plan.reason,
        by=plan.actor_name,
        created_at=plan.created_at,
        ended_at=plan.ended_at,
        events=[shape_event(each) for each in planned.events(plan)] if whole else None,
    )


def shape_event(event: planned.PlanEvent) -> shapes.PlanEvent:
    return shapes.PlanEvent(
        kind=event.kind,
        step=event.step,
        by=event.actor_name,
        reason=event.reason,
        measured=event.measured,
        created_at=event.created_at,
    )
