"""Ask the gate, and let in what comes from events as far as their groups have room.

Events of one group that meet in a process are let in together: under one lock of the group, after one look, in one
exchange with the gate and one transaction.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import django.db

from mollifier import decision, gate, tasks
from mollifier.decision import Arrival, Decision, Reason
from workflows import engine, storms
from workflows.faults import Fault
from workflows.intake import damper, isolation, traced
from workflows.intake.isolation import Failed
from workflows.intake.preflight import Ready
from workflows.intake.together import NoTurn, Together

STARTING = decision.PassThrough | decision.ShadowLog | decision.Mirrored
Answer = Decision | damper.Refused | damper.Known


@dataclass(frozen=True, slots=True)
class Taken:
    """What the damper or the gate said of a trigger, and its start where that was to start it."""

    answer: Answer
    start: engine.Start | None = None


def ask(arrival: Arrival, *, force: Reason | None = None, rebind_from: UUID | None = None) -> Decision:
    """Ask the gate about one trigger."""
    decided = traced.admit(arrival, force=force, rebind_from=rebind_from)
    _wake([decided])
    return decided


def ask_many(arrivals: Sequence[Arrival]) -> list[Decision]:
    """Ask the gate about many, and answer in their order."""
    decided = traced.admit_many(arrivals)
    _wake(decided)
    return decided


def damped(ready: Ready) -> Taken | Failed:
    """Start a trigger that comes from an event, or have it buffered, if there is room in its group.

    Raises:
        RuntimeError: the caller is in a transaction.
    """
    try:
        if (refused := damper.refuse(ready)) is not None:
            return Taken(refused)
        origin = ready.origin
        return _meeting.ask((storms.group_of(ready.trigger), origin.limit, origin.window_seconds), ready)
    except NoTurn as error:
        return Failed(Fault.UNAVAILABLE, error)
    except (django.db.Error, UnicodeError) as error:
        return Failed(isolation.fault_of(error), error)


def _let_in_each(waiting: Sequence[Ready]) -> list[Taken | Failed]:
    return isolation.write(waiting, _let_in, time.monotonic() + traced.BATCH_SECONDS)


def _let_in(waiting: Sequence[Ready]) -> list[Taken]:
    """Hold the group's lock until the rows are there and the gate has answered."""
    with damper.room(waiting) as held:
        decided = iter(ask_many([each.arrival for each in held if isinstance(each, Ready)]))
        answers: list[Answer] = [next(decided) if isinstance(each, Ready) else each for each in held]
        passed = [at for at, each in enumerate(answers) if isinstance(each, STARTING)]
        starts = dict(zip(passed, traced.start_together([waiting[at].trigger for at in passed]), strict=True))
    return [Taken(each, starts.get(at)) for at, each in enumerate(answers)]


# Whoever comes while the lock is held or waited for is let in with the next.
_meeting = Together(_let_in_each, most=gate.CHUNK_ENTRIES, seconds=damper.LOCK_SECONDS)


def _wake(decided: Iterable[Decision]) -> None:
    """Have a drainer started when there is none and the gate asks for one."""
    if any(isinstance(each, decision.Mollify | decision.Mirrored) and each.wake for each in decided):
        tasks.wake()
