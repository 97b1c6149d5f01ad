"""What is sent and when: sendings, made of a burst's shape or of a trace."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from workflows.load.traces import Commit

REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Sending:
    """One request: triggers of one tenant as JSON texts, due some seconds after the start."""

    due_seconds: float
    tenant: str
    triggers: tuple[bytes, ...]


def of_burst(
    due_times: Iterable[float], tenants: Sequence[str], *, run: str, definition: str, payload: object
) -> Iterator[Sending]:
    """Send the same definition for each tenant in turn; each trigger is keyed, so a resend is harmless."""
    for number, due in enumerate(due_times):
        trigger = {
            "definition": definition,
            "payload": payload,
            "idempotency_key": f"{run}-{number}",
            "tags": [run],
        }
        yield Sending(due, tenants[number % len(tenants)], (msgspec.json.encode(trigger),))


def of_trace(commits: Iterable[Commit], *, run: str, speed: float) -> Iterator[Sending]:
    """Start `review` for each commit, a repository being a tenant, with time running `speed` times as fast.

    The key is the commit's sha, so a trace that is sent again finds its instances.
    """
    started: int | None = None
    for commit in commits:
        started = commit.t if started is None else started
        trigger = {"definition": REVIEW, "payload": commit, "idempotency_key": commit.sha, "tags": [run]}
        yield Sending((commit.t - started) / speed, commit.repo, (msgspec.json.encode(trigger),))


def batched(sendings: Iterable[Sending], size: int) -> Iterator[Sending]:
    """Join up to `size` triggers of a tenant into one sending, due when its last one is, in order of that time."""
    if size == 1:
        yield from sendings
        return
    waiting: dict[str, list[Sending]] = {}
    last = 0.0
    for sending in sendings:
        last = sending.due_seconds
        joined = waiting.setdefault(sending.tenant, [])
        joined.append(sending)
        if len(joined) == size:
            yield join(waiting.pop(sending.tenant), last)
    for rest in waiting.values():
        yield join(rest, last)


def join(sendings: Sequence[Sending], due_seconds: float) -> Sending:
    return Sending(due_seconds, sendings[0].tenant, tuple(text for each in sendings for text in each.triggers))
