"""Work on a bulk action: a slice of time under its lock, batch by batch, each counted in the row and in the audit."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from workflows import audit, conf
from workflows.audit import Actor
from workflows.cleanup import locks
from workflows.cleanup.batches import Walk
from workflows.intake import backlogs, bulk, refresher, suppressed, targets
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.narrowing import Narrowed
from workflows.intake.targets import Outcome, Target
from workflows.models import AuditRecord, BulkAction, BulkState, BulkVerb, Storm
from workflows.search import SearchInvalid

log = structlog.get_logger(__name__)


def run(id_: UUID, stop: Callable[[], bool]) -> bool | None:
    """Work on an action for one slice; return whether it has ended, None when a store is away and it has to wait.

    Raises:
        LockHeld: another process works on it.
    """
    with locks.hold(bulk.LOCK, {"id": str(id_)}):
        action = BulkAction.objects.select_related("actor").get(pk=id_)
        if action.finished_at is not None:
            return True
        try:
            return Slice(action, stop).work()
        except (LookupUnavailable, OperationalError, InterfaceError) as error:
            log.warning("workflows.bulk_action_put_off", bulk_action_id=str(id_), error=type(error).__name__)
            return None
        except SearchInvalid as error:
            bulk.end(action, BulkState.FAILED, str(error))
            return True
        except Exception as error:
            bulk.end(action, BulkState.FAILED, f"{type(error).__name__}: {error}"[:500])
            raise


class Slice:
    """One task's work on an action."""

    def __init__(self, action: BulkAction, stop: Callable[[], bool]) -> None:
        self._action = action
        self._actor = Actor(action.actor_name, action.actor)
        self._stop = stop
        self._until = time.monotonic() + conf.current().bulk_slice_seconds
        self._env = refresher.refresh().envs[action.env_id] if action.env_id else None
        # Whether the last target was left in the middle, to go on with it in the next slice.
        self._cut = False
        self._missed: set[UUID] = set()
        # Whether a backlog's walk has ended any, so that the next slice does not begin where this one did.
        self._gained = False

    def work(self) -> bool:
        action = self._action
        narrowed = bulk.narrow(action.action, action.search, self._env, action.created_at)
        action.state, action.started_at = BulkState.RUNNING, action.started_at or timezone.now()
        action.save(update_fields=["state", "started_at"])
        if self._beat({}):
            return self._aborted()
        if action.action == BulkVerb.CANCEL_BACKLOG:
            return self._cancel_backlog(narrowed)
        return self._work_through(narrowed)

    def _work_through(self, narrowed: Narrowed) -> bool:
        """Do what is meant one by one."""
        action = self._action
        for page in targets.find(action.action, narrowed, dict(action.place)):
            for target in page.targets:
                self._do(target)
            if self._beat({} if self._cut else page.place):
                return self._aborted()
            # Without a target or a place nothing is gained yet that the next slice could go on from.
            if (page.targets or page.place) and self._is_over():
                return False
        return self._ended()

    def _cancel_backlog(self, narrowed: Narrowed) -> bool:
        """Do what is meant as `cleanup_event_storm` does: each batch counts in the audit record as it is done."""
        action = self._action
        how = Walk(record=action.audit_id, stop=self._is_to_end, told=self._take_count)
        tally = backlogs.cancel(backlogs.meant(narrowed), action.reason, actor=self._actor.name, how=how).tally
        if self._is_aborted():
            return self._aborted()
        if tally.after is not None and (tally.done or tally.stopped):
            return False
        if tally.busy:
            action.note = f"{tally.busy} were held by others, or changed meanwhile; begin it again for these."
            self._add(Outcome.FAILED, tally.busy)
        return self._ended()

    def _is_to_end(self) -> bool:
        # What was walked over without finding any is walked over again by the next slice.
        return self._stop() or self._is_aborted() or (self._gained and self._is_over())

    def _take_count(self, done: int) -> None:
        """Have the row say what the audit record does: that was counted in the statement that did it."""
        self._gained = self._gained or done > 0
        counted = AuditRecord.objects.filter(pk=OuterRef("audit_id")).values("count")
        BulkAction.objects.filter(pk=self._action.pk).update(done=Subquery(counted), heartbeat_at=timezone.now())

    def _ended(self) -> bool:
        action = self._action
        action.refresh_from_db(fields=["done", "failed"])
        nothing = action.failed and not action.done
        bulk.end(action, BulkState.FAILED if nothing else BulkState.DONE, action.note)
        return True

    def _aborted(self) -> bool:
        bulk.end(self._action, BulkState.ABORTED, f"Aborted by {self._action.abort_by}")
        return True

    def _is_over(self) -> bool:
        return self._stop() or time.monotonic() > self._until

    def _beat(self, place: Mapping[str, Any]) -> bool:
        """Say that it lives and where it is; return whether it is to end."""
        action = self._action
        action.place, action.heartbeat_at = dict(place) or action.place, timezone.now()
        action.save(update_fields=["place", "heartbeat_at", "note"])
        return self._is_aborted()

    def _is_aborted(self) -> bool:
        self._action.refresh_from_db(fields=["abort_by"])
        return bool(self._action.abort_by)

    def _do(self, target: Target) -> None:
        match BulkVerb(self._action.action):
            case BulkVerb.CANCEL:
                self._cancel(target)
            case BulkVerb.REDRIVE:
                self._count(targets.redrive(target, self._action.reason, self._actor))
            case BulkVerb.REPLAY_SUPPRESSED:
                self._replay(target)
            case BulkVerb.CANCEL_BACKLOG:
                raise AssertionError("a backlog is not cancelled one by one")

    def _cancel(self, target: Target) -> None:
        """Cancel and count in one transaction, so that the count is exact whatever becomes of the process."""
        if target.id in self._missed:
            return
        try:
            with transaction.atomic():
                self._count(targets.cancel(target, self._action.reason, self._actor))
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError as error:
            log.warning("workflows.bulk_action_missed", instance_id=str(target.id), error=str(error))
            self._missed.add(target.id)
            self._count(Outcome.FAILED)

    def _replay(self, target: Target) -> None:
        """Submit again what a storm keeps; what finds no room stays, for a later action."""
        storm = Storm.objects.select_related("org", "env").get(pk=target.number)
        how = Walk(
            record=self._action.audit_id,
            stop=lambda: self._is_over() or self._is_aborted(),
            told=lambda done: self._add(Outcome.DONE, done),
        )
        work = suppressed.replay(storm, limit=target.count, rate=conf.current().bulk_replay_rate, how=how)
        self._cut = work.tally.stopped
        if held_up := work.detail["held_up"]:
            left = work.detail["left"]
            self._add(Outcome.FAILED, left)
            self._action.note = f"{target.told['tenant']} {storm}: {held_up}, {left} are left."

    def _count(self, outcome: Outcome) -> None:
        self._add(outcome, 1)
        if outcome is Outcome.DONE and self._action.audit_id is not None:
            audit.add(self._action.audit_id, 1)

    def _add(self, outcome: Outcome, count: int) -> None:
        BulkAction.objects.filter(pk=self._action.pk).update(**{outcome.value: F(outcome.value) + count})
