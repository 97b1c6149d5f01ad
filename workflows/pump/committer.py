"""The pump's one writer: a thread that appends, as one group, whatever has been queued since the last one."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Any, Generic, TypeVar
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection

from workflows import conf, eventlog, offspring, turns
from workflows.fence import Append, Busy, Failure, Fence, Outcome
from workflows.pump.outside import Outside
from workflows.trigger import Trigger

log = structlog.get_logger(__name__)

W = TypeVar("W")
BUSY_TRIES = 3
PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class Write(Generic[W]):
    """One append and who asked for it; `outcome` is set when it comes back.

    `unsure` says that an earlier try broke with the connection, and may have been written. `born` are the children
    that are written with it.
    """

    owner: W
    request: Append
    tail: int
    outcome: Outcome = field(default_factory=Busy)
    unsure: bool = False
    tries: int = 0
    born: tuple[Trigger, ...] | None = None

    @property
    def size(self) -> int:
        return sum(event.size for event in self.request.events)


class Committer(Generic[W]):
    """Takes writes from the loop, gives them back with their outcomes, many at a time."""

    def __init__(self, outside: Outside, broken: Callable[[BaseException], None]) -> None:
        """Call `broken`, from the committer's thread, if it can't go on."""
        self._outside = outside
        self._broken = broken
        self._give_back: Callable[[Sequence[Write[W]]], None] = _to_nobody
        self._queue: deque[Write[W]] = deque()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._woken = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="workflow-committer", daemon=True)
        self.groups = 0
        self.appends = 0

    def start(self, give_back: Callable[[Sequence[Write[W]]], None]) -> None:
        """Begin; `give_back` is called from the committer's thread with each batch of answers."""
        self._give_back = give_back
        self._thread.start()

    def put(self, write: Write[W]) -> None:
        """Queue a write; `flush` sends it on its way."""
        self._queue.append(write)

    def flush(self) -> None:
        if self._queue and not self._woken:
            self._woken = True
            self._wake.put(None)

    def stop(self) -> None:
        """Write what is queued, then end."""
        self._stopping = True
        self._wake.put(None)

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not (self._stopping and not self._queue):
                self._wake.get()
                self._woken = False
                while self._queue:
                    self._commit(self._take())
        except BaseException as error:  # noqa: BLE001 - the pump must not go on without its writer
            self._broken(error)
        finally:
            connection.close()

    def _take(self) -> list[Write[W]]:
        """Take the next group: bounded in number and bytes, and a write that was busy too often goes alone."""
        limits = conf.current()
        group: dict[UUID, Write[W]] = {}
        weight = 0
        while self._queue and len(group) < limits.group_instances and weight < limits.group_bytes:
            write = self._queue[0]
            alone = write.tries >= BUSY_TRIES
            if write.request.instance_id in group or (group and alone):
                break
            group[write.request.instance_id] = self._queue.popleft()
            weight += write.size
            if alone:
                break
        return list(group.values())

    def _commit(self, group: list[Write[W]]) -> None:
        pause = PAUSE_SECONDS
        while True:
            try:
                outcomes = self._append(group)
                break
            except (OperationalError, InterfaceError) as error:
                log.warning("workflows.append_broken", instances=len(group), error=str(error))
                connection.close()
                # Written or not? At the tail we know, it can only be written once.
                for write in group:
                    write.unsure = True
                    write.request = replace(write.request, fence=Fence(write.tail, write.request.fence.epoch))
                if self._stopping:
                    return
                threading.Event().wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        self._settle(group, outcomes)

    def _append(self, group: list[Write[W]]) -> list[Outcome]:
        waits = len(group) == 1 and group[0].tries >= BUSY_TRIES
        parents = {write: self._place(write) for write in group if write.request.children}
        others = [write for write in group if write not in parents]
        outcomes = {write: offspring.append(write.request, born, waits=waits) for write, born in parents.items()}
        if waits and others:
            outcomes[others[0]] = eventlog.append(others[0].request)
        else:
            requests = [write.request for write in others]
            outcomes.update(zip(others, eventlog.append_group(requests), strict=True))
        return [outcomes[write] for write in group]

    def _place(self, write: Write[W]) -> tuple[Trigger, ...]:
        """Find where each child is to run; the event of one that can't tells why."""
        if write.born is not None:
            return write.born
        children = write.request.children
        placed = dict(zip(children, self._outside.place(children), strict=True))
        refusals = {
            child.correlation_id: turns.child_refused(child, failure)
            for child, failure in placed.items()
            if isinstance(failure, Failure)
        }
        events = tuple(refusals.get(event.correlation_id, event) for event in write.request.events)
        write.request = replace(write.request, events=events)
        write.born = tuple(trigger for trigger in placed.values() if isinstance(trigger, Trigger))
        return write.born

    def _settle(self, group: list[Write[W]], outcomes: list[Outcome]) -> None:
        answered = []
        for write, outcome in zip(group, outcomes, strict=True):
            write.outcome = outcome
            if isinstance(outcome, Busy):
                write.tries += 1
                self._queue.append(write)
            else:
                answered.append(write)
        self.groups += 1
        self.appends += len(answered)
        if answered:
            self._give_back(answered)


def _to_nobody(_writes: Sequence[Write[Any]]) -> None:
    """Stand for who gets the answers until there is someone."""
