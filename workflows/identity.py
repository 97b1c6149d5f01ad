"""Who a workflow's code runs for, as a value."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose code runs: the instance, where it belongs, and where it stands in its lineage."""

    id: UUID
    org_id: UUID
    env_id: UUID
    definition: str
    version: int
    root_id: UUID
    depth: int = 0
