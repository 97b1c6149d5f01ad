"""Tells whether code agrees with a stored log: drives it over the events, and compares how both end. Pure."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from workflows.endings import Completed, Failed
from workflows.fence import StoredEvent
from workflows.identity import Identity
from workflows.replay import Replay, ReplayDivergence
from workflows.states import EventType

# Ends that the engine wrote, whatever the code would have done next.
OF_THE_ENGINE = frozenset({"crash_loop", "event_refused", "log_full", "replay_divergence", "replay_failed"})
NOTHING_TO_AWAIT = "context_misused"


@dataclass(frozen=True, slots=True)
class Agrees:
    """The code goes the way of the log up to `seq`. `awaits` is what it asks for there, `ends` how it ends there."""

    seq: int
    awaits: tuple[str, ...] = ()
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class Diverges:
    """At `seq` the log has one thing, and the code does another."""

    seq: int
    log: str
    code: str


class _Error(msgspec.Struct):
    code: str
    message: str = ""


class _Ended(msgspec.Struct):
    """The data of an event that ends a log."""

    output: Any = None
    error: _Error | None = None


def of(
    function: Callable[[Any, Any], Awaitable[Any]], identity: Identity, events: Iterable[StoredEvent]
) -> Agrees | Diverges:
    """Run a workflow's code over a log, from its first event to its last."""
    replay = Replay(function, identity)
    seq, started = 0, False
    try:
        for event in events:
            seq, started = event.seq, started or event.type == EventType.STARTED
            match event.type:
                case EventType.CANCELLED:
                    return Agrees(seq, ends="cancelled from outside")
                case EventType.COMPLETED | EventType.FAILED:
                    return _compare(replay, event, started=started)
                case _:
                    replay.deliver(event.type, event.correlation_id, event.data, event.at)
        return Agrees(seq, tuple(replay.pending), None if replay.result is None else _told(replay))
    except ReplayDivergence:
        return Diverges(seq, f"{event.type} of {event.correlation_id}", _told(replay))
    finally:
        replay.close()


def _compare(replay: Replay, event: StoredEvent, *, started: bool) -> Agrees | Diverges:
    """Compare the end that a log has with what the code does there."""
    ended = msgspec.json.decode(event.data, type=_Ended)
    error = ended.error
    if error is None:
        shown = f"completed with {_text(ended.output)}"
        agrees = isinstance(replay.result, Completed) and msgspec.json.decode(replay.result.output) == ended.output
    else:
        shown = f"failed with {error.code}: {error.message}"
        agrees = not started or error.code in OF_THE_ENGINE or _fails_so(replay, error)
    return Agrees(event.seq, ends=shown) if agrees else Diverges(event.seq, shown, _told(replay))


def _fails_so(replay: Replay, error: _Error) -> bool:
    """Say whether the code fails with that code; the words of a message may have been improved."""
    if replay.result is None:
        return error.code == NOTHING_TO_AWAIT
    return isinstance(replay.result, Failed) and replay.result.failure.shown().code == error.code


def _told(replay: Replay) -> str:
    match replay.result:
        case Completed(output):
            return f"completes with {output}"
        case Failed(failure):
            return f"fails with {failure.code}: {failure.message}"
        case None:
            return f"awaits {', '.join(replay.pending) or 'nothing'}"


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
