"""An operation that is not over, as a replay knows it."""

from dataclasses import dataclass
from datetime import datetime

from workflows.branches import Branch
from workflows.operations import Operation


@dataclass(slots=True, eq=False)
class Pending:
    """An operation that is not over. `branch` awaits it; nobody may await an open hook at the moment.

    `recorded` says that the log tells of its beginning. `attempt` counts recorded failures of a step; `due_at` is set
    by a wait, a retry, or a hook with a time-out.
    """

    correlation_id: str
    call: Operation
    branch: Branch | None
    recorded: bool = False
    attempt: int = 0
    due_at: datetime | None = None
