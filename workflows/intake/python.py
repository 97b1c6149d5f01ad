"""The way in for Python code: plain values in, a submission out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from workflows import conf, places, steps
from workflows.attributes import Key, Tags
from workflows.intake import submission
from workflows.intake.outcome import Submission
from workflows.models import Environment
from workflows.trigger import Request, Source


class Carried(msgspec.Struct, frozen=True):
    """What an instance carries, as its tables hold it."""

    tags: Tags
    idempotency_key: Key | None
    run_after: Annotated[datetime, Meta(tz=True)] | None
    metadata: dict[str, Any]


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
        TypeError: the payload or the metadata is not JSON, or tags is one text.
        ValueError: a tag, the key, the time or the metadata is not what an instance can carry.
    """
    carried = _check(tags, idempotency_key, run_after, metadata or {})
    running = steps.running.get()
    return submission.submit(
        Request(
            parent=places.of_running(running.instance) if running else None,
            org_id=UUID(str(env.org_id)),
            env_id=env.id,
            definition=definition,
            payload=msgspec.json.encode(payload),
            source=source,
            metadata=msgspec.json.encode(carried.metadata),
            tags=carried.tags,
            idempotency_key=carried.idempotency_key,
            run_after=carried.run_after,
        )
    )


def _check(
    tags: Sequence[str], idempotency_key: str | None, run_after: datetime | None, metadata: Mapping[str, Any]
) -> Carried:
    if isinstance(tags, str):
        raise TypeError(f"tags is a list of texts, such as [{tags!r}]")
    given = {"tags": tuple(dict.fromkeys(tags)), "idempotency_key": idempotency_key, "run_after": run_after}
    try:
        carried = msgspec.convert({**given, "metadata": dict(metadata)}, Carried)
        "".join((*carried.tags, carried.idempotency_key or "")).encode()
    except (msgspec.ValidationError, UnicodeError) as error:
        raise ValueError(f"{error}") from None
    if any("\0" in text for text in (*carried.tags, carried.idempotency_key or "")):
        raise ValueError("tags and idempotency_key may hold no NUL")
    size, most = len(msgspec.json.encode(carried.metadata)), conf.current().max_metadata_bytes
    if size > most:
        raise ValueError(f"metadata may have {most} bytes (WORKFLOWS_MAX_METADATA_BYTES); these have {size}")
    return carried
