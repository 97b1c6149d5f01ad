"""A pump without its fences, for the positive control: `python -m bench.chaos.unfenced --shard 0`.

Its appends are never refused, it reads nothing that others wrote, and it shares its shard: two of them drive the same
instances, and the judge must see what comes of it. All of it is done to the modules in this process alone.
"""

import sys
from dataclasses import replace
from typing import Any

import django
from django.core.management import call_command

# What is taken out of the statements; a change of theirs that this does not know is an error.
FENCES = (
    "WHEN i.epoch <> l.epoch THEN 'lost_ownership'",
    "WHEN i.tail <> l.last_seq THEN 'conflict'",
)
OWNER_ONLY = "WHERE s.deadline IS NULL OR s.deadline < clock_timestamp()"
READY = "wake_at <= now() AND EXISTS (SELECT FROM mine)"
# What is ready, and what another epoch runs already.
ANYBODYS = "finished_at IS NULL AND (wake_at <= now() OR (status = 'running' AND epoch <> %(epoch)s))"


class NotUnfenced(Exception):
    """A statement no longer has the text that is to be taken out."""


def without(statement: str, fence: str, instead: str = "") -> str:
    """Return a statement without a fence.

    Raises:
        NotUnfenced: it has none such.
    """
    if fence not in statement:
        raise NotUnfenced(f"the statement has no {fence!r}")
    return statement.replace(fence, instead)


def take_fences_out() -> None:
    """Change this process's statements and its runner."""
    from workflows import statements  # noqa: PLC0415 - they import models
    from workflows.pump import claims, leases  # noqa: PLC0415

    for fence in FENCES:
        statements.APPEND = without(statements.APPEND, fence)
    statements.append.cache_clear()
    leases.ACQUIRE = without(leases.ACQUIRE, OWNER_ONLY)
    claims.CLAIM = without(claims.CLAIM, READY, ANYBODYS)
    leases.HEARTBEAT = without(leases.HEARTBEAT, " AND epoch = %(epoch)s", " AND %(epoch)s > 0")
    forget_others()


def forget_others() -> None:
    """Take what was appended at its word: whatever came between is not read."""
    from workflows.fence import Append, Appended  # noqa: PLC0415
    from workflows.pump.live import Live  # noqa: PLC0415
    from workflows.pump.runner import Runner  # noqa: PLC0415

    landed = Runner._landed  # noqa: SLF001

    def at_its_word(self: Any, live: Live, appended: Appended, request: Append) -> None:
        landed(self, live, replace(appended, base=live.tail), request)

    Runner._landed = at_its_word  # type: ignore[method-assign] # noqa: SLF001


def main() -> None:
    django.setup()
    take_fences_out()
    call_command("workflow_pump", *sys.argv[1:])


if __name__ == "__main__":
    main()
