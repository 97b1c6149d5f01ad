"""Rollout plans as people write and read them: a step in words, and the plans of an org with what became of them."""

import re
from collections.abc import Iterable, Sequence
from uuid import UUID

from workflows.intake.plans import PlanRefused, Step
from workflows.models import PlanEvent, RolloutPlan

__all__ = ["EVENTS_SHOWN", "PlanEvent", "RolloutPlan", "events", "find", "listing", "read", "span", "written"]

STEP = re.compile(r"(off|shadow|mirror|on)\s+(\d{1,3})\s*%?\s+(\d{1,9})\s*(s|min|h|d)", re.ASCII)
UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
EVENTS_SHOWN = 200


def read(lines: Iterable[str]) -> list[Step]:
    """Read steps, a line each: mode, percent of the environments, and how long it bakes.

    Raises:
        PlanRefused: steps_invalid, naming the line.
    """
    found: list[Step] = []
    for number, line in enumerate(lines, 1):
        match = STEP.fullmatch(line.strip())
        if match is None:
            raise PlanRefused("steps_invalid", f"Line {number}: write it like “on 5 % 1 h”.", "steps")
        found.append(Step(match[1], int(match[2]), int(match[3]) * UNITS[match[4]]))
    return found


def written(step: Step) -> str:
    """Write a step so that `read` reads the same."""
    return f"{step} {span(step.bake_seconds)}"


def span(seconds: int) -> str:
    """Write seconds in the largest unit that holds them whole."""
    unit = max((unit for unit in UNITS if seconds % UNITS[unit] == 0), key=lambda each: UNITS[each])
    return f"{seconds // UNITS[unit]} {unit}"


def listing(org_id: UUID | None, before: int | None, limit: int, statuses: Sequence[str] = ()) -> list[RolloutPlan]:
    """Return plans of an org, or of all, newest first; of these statuses, or of any."""
    found = RolloutPlan.objects.select_related("org")
    found = found.filter(org_id=org_id) if org_id else found
    found = found.filter(status__in=statuses) if statuses else found
    return list((found.filter(pk__lt=before) if before else found)[:limit])


def find(pk: int, org_id: UUID | None = None) -> RolloutPlan | None:
    """Return a plan; with an org only one of it."""
    found = RolloutPlan.objects.select_related("org").filter(pk=pk)
    return (found.filter(org_id=org_id) if org_id else found).first()


def events(plan: RolloutPlan) -> list[PlanEvent]:
    """Return what happened to a plan, oldest first, as far as it is shown."""
    return list(PlanEvent.objects.filter(plan=plan)[:EVENTS_SHOWN])
