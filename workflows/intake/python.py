"""The way in for Python code: plain values in, a submission out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from workflows import places, steps
from workflows.intake import submission
from workflows.intake.outcome import Submission
from workflows.models import Environment
from workflows.trigger import Request, Source


def submit(
    definition: str,
    payload: Any = None,
    *,
    env: Environment,
    idempotency_key: str | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    run_after: datetime | None = None,
    source: Source = Source.PYTHON,
) -> Submission:
    """Submit one trigger; the payload is anything that is JSON. Inside a step it has that instance as its parent.

    Raises:
        TypeError: the payload or the metadata is not JSON.
    """
    running = steps.running.get()
    return submission.submit(
        Request(
            parent=places.of_running(running.instance) if running else None,
            org_id=UUID(str(env.org_id)),
            env_id=env.id,
            definition=definition,
            payload=msgspec.json.encode(payload),
            source=source,
            metadata=msgspec.json.encode(metadata or {}),
            tags=tuple(tags),
            idempotency_key=idempotency_key,
            run_after=run_after,
        )
    )
