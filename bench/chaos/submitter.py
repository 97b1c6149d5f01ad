"""A process that submits: `python -m bench.chaos.submitter` answers {"submit"} with the ids of what it was given."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any
from uuid import UUID

import django

from bench.peers.answering import answer

THREADS = 10
PATIENCE_SECONDS = 30.0


def main() -> None:
    django.setup()
    answer({"submit": submit}, "submitter")


def submit(env: str, at: float, sends: Sequence[tuple[float, str, dict[str, Any]]]) -> list[str]:
    """Submit each at its moment after `at` (time.time); return the ids, in the order given.

    Raises:
        RuntimeError: something was not accepted.
    """
    # They import models.
    from workflows import submit as accept  # noqa: PLC0415
    from workflows.intake import refresher  # noqa: PLC0415
    from workflows.intake.outcome import Buffered, Started  # noqa: PLC0415
    from workflows.models import Environment  # noqa: PLC0415

    refresher.refresh()
    environment = Environment.objects.get(id=UUID(env))

    def send(one: tuple[float, str, dict[str, Any]]) -> str:
        after, definition, payload = one
        threading.Event().wait(max(0.0, at + after - time.time()))
        outcome = accept(definition, expanded(payload), env=environment)
        if not isinstance(outcome, Started | Buffered):
            raise RuntimeError(f"{definition} was not accepted: {outcome}")  # noqa: TRY004 - an answer, not a type
        return str(outcome.instance.id)

    patience = PATIENCE_SECONDS + max((one[0] for one in sends), default=0)
    return list(threads().map(send, sends, timeout=patience))


@cache
def threads() -> ThreadPoolExecutor:
    """Return the threads of this process; each keeps its connection."""
    return ThreadPoolExecutor(THREADS)


def expanded(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a payload with its filling, where it names the size of one."""
    return {**payload, "fill": "x" * payload["fill"]} if "fill" in payload else payload


if __name__ == "__main__":
    main()
