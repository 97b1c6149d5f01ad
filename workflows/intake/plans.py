"""Guarded rollouts: an org goes up a step at a time, bakes in each, and comes back by itself when a guardrail breaks.

Every step is an ordinary, audited change of the flags (`workflows.intake.rollout`), which tells webhooks too. A
schedule looks at each running plan once a minute; a plan that somebody changed the flags under pauses itself.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from workflows import conf
from workflows.audit import Actor
from workflows.intake import guardrails, rollout
from workflows.intake.guardrails import Guardrails, Judged, Measures
from workflows.intake.rollout import RolloutRefused
from workflows.models import (
    FlagChange,
    OrganizationFlags,
    PlanEvent,
    PlanEventKind,
    PlanStatus,
    RolloutMode,
    RolloutPlan,
)
from workflows.models.plan import UNDER_WAY

log = structlog.get_logger(__name__)
MOST_STEPS = 20
BAKE_SECONDS = (60, 30 * 86_400)
SCHEDULE = "rollout plan"


class PlanRefused(Exception):
    """It is not done. `code` says why; `field` names the value at fault, if one is."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Step:
    """A mode and a percentage, and how long they must hold before the next."""

    mode: str
    percent: int
    bake_seconds: int

    def __str__(self) -> str:
        return f"{self.mode} {self.percent} %"


HOUR, DAY = 3_600, 86_400
DEFAULT_STEPS = (
    Step("shadow", 100, DAY),
    Step("on", 1, HOUR),
    Step("on", 5, HOUR),
    Step("on", 25, 6 * HOUR),
    Step("on", 50, 6 * HOUR),
    Step("on", 100, DAY),
)


def begin(
    org_id: UUID,
    *,
    actor: Actor,
    reason: str,
    steps: Sequence[Step] = DEFAULT_STEPS,
    rails: Guardrails | None = None,
    now: datetime | None = None,
) -> RolloutPlan:
    """Make a plan and take its first step.

    Raises:
        PlanRefused: steps_invalid, guardrails_invalid, plan_under_way, buffer_unavailable, or a code of RolloutRefused.
    """
    rails = rails or Guardrails()
    _check(steps, rails)
    measured = _measured()
    try:
        with transaction.atomic():
            first = _set(org_id, steps[0], actor, reason)
            plan = RolloutPlan.objects.create(
                org_id=org_id,
                steps=[asdict(step) for step in steps],
                step_at=now or timezone.now(),
                flags_version=_version_of(org_id),
                before={name: first.before[name] for name in ("mode", "percent")},
                baseline=measured.as_json(),
                actor=actor.user,
                actor_name=actor.name,
                reason=reason.strip(),
                **asdict(rails),
            )
            _note(plan, PlanEventKind.BEGUN, actor, reason)
    except RolloutRefused as refusal:
        raise PlanRefused(refusal.code, str(refusal), next(iter(refusal.fields), None)) from refusal
    except IntegrityError as error:
        raise PlanRefused("plan_under_way", "A plan of this organization is under way; end it first.") from error
    log.info("workflows.plan_begun", plan_id=plan.pk, actor=actor.name, steps=len(steps))
    return plan


def _check(steps: Sequence[Step], rails: Guardrails) -> None:
    least, most = BAKE_SECONDS
    if not 1 <= len(steps) <= MOST_STEPS:
        raise PlanRefused("steps_invalid", f"A plan has 1 to {MOST_STEPS} steps, not {len(steps)}.", "steps")
    for number, step in enumerate(steps, 1):
        if step.mode not in RolloutMode.values or not 0 <= step.percent <= 100:
            raise PlanRefused("steps_invalid", f"Step {number}: a mode, and 0 to 100 percent.", "steps")
        if not least <= step.bake_seconds <= most:
            raise PlanRefused("steps_invalid", f"Step {number}: it bakes {least} to {most} seconds.", "steps")
    for name, value in asdict(rails).items():
        if not 0 <= value <= 2_000_000_000:
            raise PlanRefused("guardrails_invalid", f"{name} must be 0 to 2000000000.", name)


def _measured() -> Measures:
    found = guardrails.measure()
    if found is None:
        raise PlanRefused("buffer_unavailable", "Redis does not answer, and holds what a plan is judged by; try again.")
    return found


def run(now: datetime | None = None) -> int:
    """Look at the running plans, PLAN_BATCH at most, longest unseen first; return how many moved. A schedule."""
    measured = guardrails.measure()
    if measured is None:
        log.warning("workflows.plans_not_judged", why="Redis does not answer")
        return 0
    now = now or timezone.now()
    running = RolloutPlan.objects.filter(status=PlanStatus.RUNNING).order_by(F("looked_at").asc(nulls_first=True))
    found = list(running.values_list("pk", flat=True)[: conf.current().plan_batch])
    RolloutPlan.objects.filter(pk__in=found).update(looked_at=now)
    return sum(_look_at(pk, measured, now) for pk in found)


def _look_at(pk: int, measured: Measures, now: datetime) -> bool:
    """Judge one plan and move it; False when it stays, or somebody else has it."""
    try:
        with transaction.atomic():
            plan = (
                RolloutPlan.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(pk=pk, status=PlanStatus.RUNNING)
                .first()
            )
            return plan is not None and _move(plan, measured, now)
    except RolloutRefused as refusal:
        # The flags moved between the look and the change; the next minute sees them.
        log.warning("workflows.plan_not_moved", plan_id=pk, code=refusal.code)
    except Exception:
        # Whatever is wrong with one plan, the others must still be judged, and rolled back.
        log.exception("workflows.plan_not_judged", plan_id=pk)
    return False


def _move(plan: RolloutPlan, measured: Measures, now: datetime) -> bool:
    who = Actor(f"{SCHEDULE} {plan.pk}")
    if _version_of(plan.org_id) != plan.flags_version:
        plan.status = PlanStatus.PAUSED
        _save(plan, PlanEventKind.PAUSED, who, "Somebody changed the flags by hand.")
        return True
    judged = guardrails.judge(rails_of(plan), plan.baseline, measured)
    if judged.breaches:
        _roll_back(plan, judged, who, now)
        return True
    if now - plan.step_at < timedelta(seconds=steps_of(plan)[plan.step].bake_seconds):
        return False
    if plan.step + 1 == len(plan.steps):
        plan.status, plan.ended_at = PlanStatus.FINISHED, now
        _save(plan, PlanEventKind.FINISHED, who, "Its last step has baked.", judged)
    else:
        step = steps_of(plan)[plan.step + 1]
        why = f"Step {plan.step + 2} of {len(plan.steps)}: the one before has baked. {plan.reason}"
        _move_flags(plan, step, who, why)
        plan.step, plan.step_at, plan.baseline = plan.step + 1, now, measured.as_json()
        _save(plan, PlanEventKind.ADVANCED, who, f"To {step}.", judged)
    return True


def _roll_back(plan: RolloutPlan, judged: Judged, who: Actor, now: datetime) -> None:
    """Go back to the step before, from the first one to what was before the plan; it goes no further by itself."""
    steps = steps_of(plan)
    back = steps[plan.step - 1] if plan.step else Step(plan.before["mode"], plan.before["percent"], 0)
    why = f"Rolled back from {steps[plan.step]}: {'; '.join(judged.breaches)}."
    _move_flags(plan, back, who, why)
    plan.status, plan.ended_at = PlanStatus.ROLLED_BACK, now
    _save(plan, PlanEventKind.ROLLED_BACK, who, f"To {back}: {'; '.join(judged.breaches)}.", judged)
    log.error("workflows.rollout_rolled_back", plan_id=plan.pk, breaches=list(judged.breaches))


def pause(pk: int, *, actor: Actor, reason: str) -> RolloutPlan:
    """Stay at this step, judged by nobody, until it is resumed.

    Raises:
        PlanRefused: not_found, reason_missing, or wrong_status.
    """
    with transaction.atomic():
        plan = _held(pk, reason, (PlanStatus.RUNNING,))
        plan.status = PlanStatus.PAUSED
        _save(plan, PlanEventKind.PAUSED, actor, reason)
    return plan


def resume(pk: int, *, actor: Actor, reason: str, now: datetime | None = None) -> RolloutPlan:
    """Go on: the step is set again, where it was changed by hand, and bakes anew.

    Raises:
        PlanRefused: not_found, reason_missing, wrong_status, buffer_unavailable, or a code of RolloutRefused.
    """
    measured = _measured()
    try:
        with transaction.atomic():
            plan = _held(pk, reason, (PlanStatus.PAUSED,))
            _move_flags(plan, steps_of(plan)[plan.step], actor, reason, by_hand=True)
            plan.status, plan.step_at, plan.baseline = PlanStatus.RUNNING, now or timezone.now(), measured.as_json()
            _save(plan, PlanEventKind.RESUMED, actor, reason)
    except RolloutRefused as refusal:
        raise PlanRefused(refusal.code, str(refusal)) from refusal
    return plan


def abort(pk: int, *, actor: Actor, reason: str) -> RolloutPlan:
    """End it, and set mode and percentage back to what they were before it.

    Raises:
        PlanRefused: not_found, reason_missing, wrong_status, or a code of RolloutRefused.
    """
    try:
        with transaction.atomic():
            plan = _held(pk, reason, UNDER_WAY)
            back = Step(plan.before["mode"], plan.before["percent"], 0)
            _move_flags(plan, back, actor, reason, by_hand=True)
            plan.status, plan.ended_at = PlanStatus.ABORTED, timezone.now()
            _save(plan, PlanEventKind.ABORTED, actor, reason)
    except RolloutRefused as refusal:
        raise PlanRefused(refusal.code, str(refusal)) from refusal
    return plan


def steps_of(plan: RolloutPlan) -> list[Step]:
    return [Step(**step) for step in plan.steps]


def rails_of(plan: RolloutPlan) -> Guardrails:
    return Guardrails(**{each.name: getattr(plan, each.name) for each in fields(Guardrails)})


def _held(pk: int, reason: str, wanted: Sequence[PlanStatus]) -> RolloutPlan:
    if not reason.strip():
        raise PlanRefused("reason_missing", "Say why.", "reason")
    plan = RolloutPlan.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if plan is None:
        raise PlanRefused("not_found", "There is no such plan.")
    if plan.status not in wanted:
        raise PlanRefused("wrong_status", f"The plan is {plan.get_status_display().lower()}.")
    return plan


def _version_of(org_id: UUID) -> int:
    return OrganizationFlags.objects.filter(org_id=org_id).values_list("version", flat=True).first() or 0


def _set(org_id: UUID, step: Step, actor: Actor, reason: str, expected: int | None = None) -> FlagChange:
    return rollout.set_rollout(
        org_id, actor=actor, reason=reason, expected_version=expected, mode=step.mode, percent=step.percent
    )


def _move_flags(plan: RolloutPlan, step: Step, actor: Actor, reason: str, *, by_hand: bool = False) -> None:
    """Set the flags to a step, and remember their version; those that somebody changed meanwhile only `by_hand`."""
    _set(plan.org_id, step, actor, reason, None if by_hand else plan.flags_version)
    plan.flags_version = _version_of(plan.org_id)


def _save(plan: RolloutPlan, kind: PlanEventKind, actor: Actor, reason: str, judged: Judged | None = None) -> None:
    plan.save()
    _note(plan, kind, actor, reason, judged)


def _note(plan: RolloutPlan, kind: PlanEventKind, actor: Actor, reason: str, judged: Judged | None = None) -> None:
    PlanEvent.objects.create(
        plan=plan,
        kind=kind,
        step=plan.step,
        actor_name=actor.name,
        reason=reason.strip(),
        measured=judged.as_json() if judged else {},
    )
