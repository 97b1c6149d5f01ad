"""Ask the gate, and let in what comes from events as far as their groups have room.

Events of one group that meet in a process are refused together, after one look that counts them all, or let in
together: under one lock of the group, after one look, in one exchange with the gate and one transaction. So the more
meet, the less each costs.
"""

import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
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
from workflows.intake.together import Together

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


def damped(waiting: Sequence[Ready]) -> list[Taken | Failed]:
    """Start triggers that come from events, or have them buffered, as far as there is room in their groups.

    Answers in their order; those of one group take its room in that order.

    Raises:
        RuntimeError: the caller is in a transaction.
    """
    damper.stand_alone()
    together: dict[Hashable, list[int]] = {}
    for at, ready in enumerate(waiting):
        origin = ready.origin
        together.setdefault((storms.group_of(ready.trigger), origin.limit, origin.window_seconds), []).append(at)
    taken: dict[int, Taken | Failed] = {}
    for group, places in together.items():
        asking = [waiting[at] for at in places]
        taken |= zip(places, _counted(asking, list(_damped(group, asking))), strict=True)
    return [taken[at] for at in range(len(waiting))]


def _damped(group: Hashable, waiting: Sequence[Ready]) -> Iterator[Taken | Failed]:
    """Refuse those of a group for which there is no room for certain, and let in the others."""
    refused = _refused.ask(group, waiting)
    let_in = iter(_let_in.ask(group, [ready for ready, each in zip(waiting, refused, strict=True) if each is None]))
    for each in refused:
        answer = next(let_in) if each is None else each
        match answer:
            case Taken() | Failed():
                yield answer
            case Exception() as error:
                yield Failed(Fault.UNAVAILABLE, error)
            case refusal:
                yield Taken(refusal)


def _counted(waiting: Sequence[Ready], taken: Sequence[Taken | Failed]) -> Sequence[Taken | Failed]:
    """Have the group's storm count those that were refused; one that it could not count is not answered for."""
    refused = {
        at: (ready, each.answer)
        for at, (ready, each) in enumerate(zip(waiting, taken, strict=True))
        if isinstance(each, Taken) and isinstance(each.answer, damper.Refused) and not each.answer.counted
    }
    try:
        damper.suppress(list(refused.values()))
    except django.db.Error as error:
        failed = Failed(isolation.fault_of(error), error)
        return [failed if at in refused else each for at, each in enumerate(taken)]
    return taken


def _refuse_each(waiting: Sequence[Ready]) -> list[damper.Refused | damper.Known | Failed | None]:
    return isolation.write(waiting, damper.refuse, time.monotonic() + traced.BATCH_SECONDS)


def _let_in_each(waiting: Sequence[Ready]) -> list[Taken | Failed]:
    return isolation.write(waiting, _let_in_all, time.monotonic() + traced.BATCH_SECONDS)


def _let_in_all(waiting: Sequence[Ready]) -> list[Taken]:
    """Hold the group's lock until the rows are there and the gate has answered."""
    with damper.room(waiting) as held:
        decided = iter(ask_many([each.arrival for each in held if isinstance(each, Ready)]))
        answers: list[Answer] = [next(decided) if isinstance(each, Ready) else each for each in held]
        passed = [at for at, each in enumerate(answers) if isinstance(each, STARTING)]
        starts = dict(zip(passed, traced.start_together([waiting[at].trigger for at in passed]), strict=True))
    return [Taken(each, starts.get(at)) for at, each in enumerate(answers)]


# Whoever comes during a look is refused with the next; whoever comes while the lock is held or waited for, let in.
_refused = Together(_refuse_each, most=gate.CHUNK_ENTRIES, seconds=damper.LOCK_SECONDS)
_let_in = Together(_let_in_each, most=gate.CHUNK_ENTRIES, seconds=damper.LOCK_SECONDS)


def _wake(decided: Iterable[Decision]) -> None:
    """Have a drainer started when there is none and the gate asks for one."""
    if any(isinstance(each, decision.Mollify | decision.Mirrored) and each.wake for each in decided):
        tasks.wake()
