"""Change how far an org is enrolled: the flags, their history and the version, in one transaction."""

from collections.abc import Mapping
from math import isfinite
from typing import Any
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError
from django.db import transaction

from mollifier import fairness
from mollifier.errors import MollifierError
from mollifier.fairness import Share
from workflows import notices
from workflows.audit import Actor
from workflows.models import FlagChange, Organization, OrganizationFlags
from workflows.notices import Notice

__all__ = ["Actor", "RolloutRefused", "described", "reconcile", "set_rollout", "share_of", "undo"]

log = structlog.get_logger(__name__)

FIELDS = ("mode", "percent", "limit", "window_ms", "hold_ms", "org_limit", "org_window_ms", "weight", "paused")


class RolloutRefused(Exception):
    """The change is not made. `code` says why; `fields` names the values at fault, if any."""

    def __init__(self, code: str, message: str, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.fields = fields or {}


def set_rollout(
    org_id: UUID, *, actor: Actor, reason: str, expected_version: int | None = None, **values: Any
) -> FlagChange:
    """Set the given ones of `FIELDS`, leave the others, and record who did it and why.

    Raises:
        RolloutRefused: org_not_found, reason_missing, values_invalid (with `fields`), or
            version_conflict when the flags are no longer at `expected_version`.
    """
    if not reason.strip():
        raise RolloutRefused("reason_missing", "Say why.", {"reason": ["Say why."]})
    with transaction.atomic():
        flags = _locked(org_id)
        if expected_version not in (None, flags.version):
            raise RolloutRefused(
                "version_conflict", f"The flags are at version {flags.version}, not {expected_version}."
            )
        before = described(flags)
        for name, value in values.items():
            setattr(flags, name, value)
        _validate(flags)
        flags.save()
        after = described(flags)
        change = FlagChange.objects.create(
            org=flags.org, actor=actor.user, actor_name=actor.name, reason=reason.strip(), before=before, after=after
        )
        if share_of(before) != share_of(after):
            transaction.on_commit(lambda: _copy_share(flags.org, share_of(after)))
        _tell(change)
    log.info("workflows.rollout_changed", org=flags.org.slug, actor=actor.name, mode=flags.mode, percent=flags.percent)
    return change


def undo(change: FlagChange, *, actor: Actor, reason: str) -> FlagChange:
    """Set the flags back to what they were before this change, as a new change.

    Raises:
        RolloutRefused: changed_since when the flags are no longer as this change left them; else see `set_rollout`.
    """
    with transaction.atomic():
        flags = _locked(change.org_id)
        now = described(flags)
        if any(now[name] != value for name, value in change.after.items()):
            raise RolloutRefused("changed_since", "The flags were changed again since; set them by hand.")
        return set_rollout(change.org_id, actor=actor, reason=reason, **change.before)


def _tell(change: FlagChange) -> None:
    data = {
        "change_id": change.pk,
        "org": change.org.slug,
        "org_id": change.org.id,
        "actor": change.actor_name,
        "reason": change.reason,
        "before": change.before,
        "after": change.after,
    }
    notices.tell(Notice.ROLLOUT_CHANGED, change.org.id, data)


def described(flags: OrganizationFlags) -> dict[str, Any]:
    """Return the flags as the history keeps them."""
    return {name: getattr(flags, name) for name in FIELDS}


def _locked(org_id: UUID) -> OrganizationFlags:
    """Return the org's flags, at version 0 where it has none; the org's row keeps other writers out."""
    org = Organization.objects.select_for_update().filter(pk=org_id).first()
    if org is None:
        raise RolloutRefused("org_not_found", "There is no such organization.")
    return OrganizationFlags.objects.select_related("org").filter(org=org).first() or OrganizationFlags(org=org)


def _validate(flags: OrganizationFlags) -> None:
    try:
        flags.full_clean()
    except ValidationError as error:
        faults = error.message_dict
        told = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in faults.items())
        raise RolloutRefused("values_invalid", told, faults) from error
    # No bound excludes what is no number.
    if not isfinite(flags.weight):
        raise RolloutRefused("values_invalid", "weight: Enter a number.", {"weight": ["Enter a number."]})


def share_of(described_flags: Mapping[str, Any]) -> Share:
    """Return what the drainer must know of an org's flags; those of an old change may lack some."""
    return Share(described_flags.get("weight", 1.0), described_flags.get("paused", False))


def reconcile() -> int:
    """Put right what Redis knows of weights and pauses, where a copy was lost; return for how many orgs. A schedule."""
    flags = OrganizationFlags.objects.exclude(weight=1, paused=False).values("org_id", "weight", "paused")
    wrong = fairness.reconcile({str(each["org_id"]): share_of(each) for each in flags})
    if wrong:
        log.warning("mollifier.shares_put_right", count=wrong)
    return wrong


def _copy_share(org: Organization, share: Share) -> None:
    try:
        fairness.set_share(str(org.id), share)
    except MollifierError as error:
        log.warning("mollifier.share_not_copied", org=org.slug, error=str(error))
