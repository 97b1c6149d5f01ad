"""Actions that an operator switched off: set with a reason, known to every process within a second.

A process that keeps a directory can keep them there (`changed_since`); a pump asks `disabled`.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import structlog
from django.db import DatabaseError, InterfaceError

from workflows import conf
from workflows.models import ActionSwitch

log = structlog.get_logger(__name__)

# As many as there could be actions; a table that grew beyond that is not read in whole.
MOST = 1_000
NONE: Mapping[str, str] = MappingProxyType({})


class _Known:
    """What this process last read, and when."""

    def __init__(self) -> None:
        self.reasons = NONE
        self.read_at: float | None = None
        self.lock = threading.Lock()

    def stale(self) -> bool:
        return self.read_at is None or time.monotonic() - self.read_at >= conf.current().snapshot_refresh_ms / 1_000


_known = _Known()


def disabled() -> Mapping[str, str]:
    """Return name and reason of each action that is off; while the database is away what was last known."""
    if _known.stale() and _known.lock.acquire(blocking=_known.read_at is None):
        try:
            _known.reasons, _known.read_at = MappingProxyType(_read()), time.monotonic()
        except (DatabaseError, InterfaceError) as error:
            log.warning("workflows.action_switches_unread", error=type(error).__name__)
        finally:
            _known.lock.release()
    return _known.reasons


def changed_since(version: int) -> Iterable[tuple[str, str | None]]:
    """Yield the actions that changed after a version: the reason of one that is off, None of one that is on."""
    rows = ActionSwitch.objects.filter(version__gt=version).values_list("name", "disabled", "reason")
    for name, is_disabled, reason in rows[:MOST]:
        yield name, reason if is_disabled else None


def switch(name: str, *, off: bool, reason: str, actor_name: str) -> ActionSwitch:
    """Switch an action off or on again; every process follows."""
    row = ActionSwitch(name=name, disabled=off, reason=reason.strip(), actor_name=actor_name)
    row.save()
    log.info("workflows.action_switched", action=name, off=off, actor=actor_name)
    return row


def _read() -> dict[str, str]:
    rows = ActionSwitch.objects.filter(disabled=True).order_by("name").values_list("name", "reason")
    return dict(rows[:MOST])
