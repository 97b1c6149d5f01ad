"""The OpenAPI description of the rollout plans' addresses."""

from collections.abc import Callable

from workflows.api import serializers_plans as shapes
from workflows.api.schema import BAD_BODY, BAD_QUERY, REFUSALS, F, operation

NO_PLAN = "No such plan, or it belongs to another organization."
CHALLENGE = {"WWW-Authenticate": [401, 403]}
AWAY = REFUSALS | {503: "The buffer, which holds what a plan is judged by, does not answer (`buffer_unavailable`)."}

LIST_ROLLOUT_PLANS = operation(
    "list_rollout_plans",
    {200: (shapes.RolloutPlanPage, "A page of the organization's plans.")},
    REFUSALS | {400: BAD_QUERY},
    query=shapes.RolloutPlansQuery,
    headers=CHALLENGE,
)
GET_ROLLOUT_PLAN = operation(
    "get_rollout_plan",
    {200: (shapes.RolloutPlan, "The plan, and what became of it.")},
    REFUSALS | {400: BAD_QUERY, 404: NO_PLAN},
    headers=CHALLENGE,
)
POST_ROLLOUT_PLAN = operation(
    "post_rollout_plan",
    {201: (shapes.RolloutPlan, "It has begun: its first step holds.")},
    AWAY
    | {
        400: BAD_BODY,
        409: "A plan of this organization is under way (`plan_under_way`).",
        413: "The body is too large.",
        422: "The flags can't be set so (`values_invalid`).",
    },
    body=shapes.RolloutPlanRequest,
    headers={"Location": [201], "Retry-After": [503], **CHALLENGE},
)


def steer(name: str, done: str) -> Callable[[F], F]:
    """Describe a verb of a plan."""
    return operation(
        name,
        {200: (shapes.RolloutPlan, done)},
        AWAY | {400: BAD_BODY, 404: NO_PLAN, 409: "It is not in a state for that (`wrong_status`).", 413: "Too large."},
        body=shapes.RolloutPlanVerbRequest,
        headers={"Retry-After": [503], **CHALLENGE},
    )


PAUSE_ROLLOUT_PLAN = steer("pause_rollout_plan", "It stays at its step, judged by nobody.")
RESUME_ROLLOUT_PLAN = steer("resume_rollout_plan", "Its step is set again, and bakes anew.")
ABORT_ROLLOUT_PLAN = steer("abort_rollout_plan", "It has ended; mode and percentage are what they were before it.")
