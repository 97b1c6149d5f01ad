"""Bulk actions: one verb on all that a search finds; counted first, done in batches by tasks, watched and aborted.

All state is in the row; `workflows.intake.slices` works on it. A task only wakes that, and the schedule makes up for
one that was lost.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django_q.tasks import async_task

from workflows import audit, conf, search
from workflows.audit import Act, Actor, AuditOutcome
from workflows.cleanup import locks
from workflows.cleanup.locks import LockHeld
from workflows.intake import narrowing, refresher, targets
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.narrowing import Narrowed
from workflows.models import BulkAction, BulkState, BulkVerb
from workflows.search import SearchInvalid

__all__ = ["BulkAction", "BulkState", "BulkVerb", "LockHeld", "LookupUnavailable", "SearchInvalid"]

log = structlog.get_logger(__name__)

RUN = "workflows.tasks.run_bulk"
# One process at a time works on an action, or ends it.
LOCK = "bulk_action"
SAMPLE = 10
# Why an action is aborted by a caller who does not say it.
UNSAID = "Aborted by a caller"
# Actions that one pass of the schedule asks for.
HEALED = 100
ENDINGS = {
    BulkState.DONE: AuditOutcome.DONE,
    BulkState.ABORTED: AuditOutcome.INTERRUPTED,
    BulkState.FAILED: AuditOutcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class Counted:
    """What a dry run found: at least `count` where there are `more`, how many in which state, and some of them."""

    count: int
    more: bool
    sample: tuple[Mapping[str, Any], ...]
    states: Mapping[str, int] = field(default_factory=dict)


def dry_run(verb: str, text: str, env: Env | None = None) -> Counted:
    """Count what an action would be about now, as far as the settings say; nothing is changed.

    Raises:
        SearchInvalid: the filter is empty or at fault.
        LookupUnavailable: the buffer does not answer.
    """
    narrowed = narrow(verb, text, env)
    limits, count = conf.current(), 0
    until = time.monotonic() + limits.search_max_ms / 1000
    sample: list[Mapping[str, Any]] = []
    states: Counter[str] = Counter()
    for page in targets.find(verb, narrowed, {}, rounds=1):
        count += sum(target.count for target in page.targets)
        states.update(target.told["status"] for target in page.targets if "status" in target.told)
        sample += [target.told for target in page.targets[: SAMPLE - len(sample)]]
        if count > limits.bulk_counted or time.monotonic() > until:
            return Counted(min(count, limits.bulk_counted), more=True, sample=tuple(sample), states=dict(states))
    return Counted(count, more=False, sample=tuple(sample), states=dict(states))


def create(verb: str, text: str, *, env: Env | None = None, actor: Actor, reason: str) -> BulkAction:
    """Begin an action; raises as `dry_run` does."""
    counted, written = dry_run(verb, text, env), str(search.parse(text))
    action = BulkAction(
        action=verb,
        search=written,
        env_id=env.id if env else None,
        reason=reason.strip(),
        actor=actor.user,
        actor_name=actor.name,
        total=counted.count,
        more=counted.more,
        sample=list(counted.sample),
    )
    with transaction.atomic():
        action.audit_id = audit.request(act(f"bulk_{verb}", action, actor, reason))
        action.save()
    transaction.on_commit(lambda: wake(action.pk))
    log.info("workflows.bulk_action_created", bulk_action_id=str(action.pk), verb=verb, actor=actor.name)
    return action


def act(verb: str, action: BulkAction, actor: Actor, reason: str) -> Act:
    """Tell the audit what is done with an action, and of whose it is."""
    return Act(
        verb=verb,
        actor=actor,
        reason=reason,
        filter={"bulk_action": str(action.pk), "search": action.search},
        target=action.search[:200],
        org_id=action.env.org_id if action.env else None,
    )


def wake(id_: UUID) -> None:
    """Ask the cluster to work on it; when the queue can't be reached the schedule will."""
    try:
        async_task(RUN, str(id_))
    except Exception as error:  # noqa: BLE001 - brokers raise what they like
        log.warning("workflows.bulk_action_not_woken", bulk_action_id=str(id_), error=str(error))


def abort(action: BulkAction, *, actor: Actor, reason: str = "") -> bool:
    """Have it end after its batch, or at once when nobody works on it; False when it had ended, or was asked before."""
    why = reason.strip()
    told = f"{actor.name}: {why}" if why else actor.name
    with transaction.atomic():
        asked = BulkAction.objects.filter(pk=action.pk, finished_at=None, abort_by="").update(abort_by=told)
        if asked:
            audit.note(act("abort_bulk_action", action, actor, why or UNSAID))
    try:
        with locks.hold(LOCK, {"id": str(action.pk)}):
            current = BulkAction.objects.get(pk=action.pk)
            if current.finished_at is None:
                end(current, BulkState.ABORTED, f"Aborted by {current.abort_by}")
    except LockHeld:
        pass
    return bool(asked)


def find(env: Env, id_: UUID) -> BulkAction | None:
    """Return an action of this environment."""
    return BulkAction.objects.filter(env_id=env.id, pk=id_).first()


def listing(env: Env | None, before: UUID | None, limit: int) -> list[BulkAction]:
    """Return actions of an environment, or all, newest first."""
    found = BulkAction.objects.select_related("env__org", "audit")
    found = found.filter(env_id=env.id) if env else found
    return list((found.filter(pk__lt=before) if before else found)[:limit])


def heal() -> int:
    """Ask for every action that nobody seems to work on; return how many. A schedule."""
    since = timezone.now() - timedelta(seconds=conf.current().bulk_heartbeat_seconds)
    left = BulkAction.objects.filter(finished_at=None).annotate(seen_at=Coalesce("heartbeat_at", "created_at"))
    ids = list(left.filter(seen_at__lt=since).order_by("id").values_list("pk", flat=True)[:HEALED])
    for id_ in ids:
        wake(id_)
    return len(ids)


def narrow(verb: str, text: str, env: Env | None, at: datetime | None = None) -> Narrowed:
    """Read a filter of an action; raises SearchInvalid as `dry_run` does."""
    found = search.parse(text)
    targets.check(verb, found)
    envs = [env] if env else list(refresher.current().envs.values())
    return narrowing.resolve(found, envs, at, everywhere=env is None)


def end(action: BulkAction, state: BulkState, note: str) -> None:
    """Close an action and its audit record for good."""
    now = timezone.now()
    with transaction.atomic():
        BulkAction.objects.filter(pk=action.pk, finished_at=None).update(
            state=state, note=note, finished_at=now, heartbeat_at=now
        )
        action.refresh_from_db()
        outcome = AuditOutcome.PARTLY if state is BulkState.DONE and action.failed else ENDINGS[state]
        if action.audit_id is not None:
            audit.end(action.audit_id, outcome, {"skipped": action.skipped, "failed": action.failed, "note": note})
    log.info("workflows.bulk_action_ended", bulk_action_id=str(action.pk), state=state.value, done=action.done)
