"""A Materialiser that keeps its rows in memory; it obeys the port's contract, and fails where a test says so."""

import threading
from collections.abc import Mapping, Sequence
from uuid import UUID

from mollifier.entry import Comparison, Entry, Faulty, Materialised, Outcome, Unavailable


class MemoryMaterialiser:
    """Rows by one, with how each ended: started, cancelled or failed.

    `away` makes the store unreachable; `faulty` ids fail by themselves, `final` ones for good; `unburiable` ids can't
    even be written as failures. `written` keeps every one in the order of its first write.
    """

    def __init__(self) -> None:
        self.rows: dict[UUID, str] = {}
        self.written: list[UUID] = []
        self.batches: list[tuple[UUID, ...]] = []
        self.away = False
        self.faulty: set[UUID] = set()
        self.final: set[UUID] = set()
        self.unburiable: set[UUID] = set()
        self.errors: dict[UUID, str | None] = {}
        self._lock = threading.Lock()

    def materialise(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        with self._lock:
            self.batches.append(tuple(entry.id for entry in entries))
            return [self._materialise(entry) for entry in entries]

    def bury(self, entries: Sequence[Entry]) -> Sequence[Outcome]:
        with self._lock:
            return [self._bury(entry) for entry in entries]

    def compare(self, entries: Sequence[Entry]) -> Mapping[UUID, Comparison]:
        if self.away:
            raise ConnectionError("connection refused")
        with self._lock:
            return {entry.id: Comparison.EQUAL if entry.id in self.rows else Comparison.MISSING for entry in entries}

    def _materialise(self, entry: Entry) -> Outcome:
        if self.away:
            return Unavailable(entry.id, "connection refused")
        if entry.id in self.final:
            return Faulty(entry.id, "no such definition", final=True)
        if entry.id in self.faulty:
            return Faulty(entry.id, "division by zero", final=False)
        return self._write(entry, "started" if entry.cancel_reason is None else "cancelled")

    def _bury(self, entry: Entry) -> Outcome:
        if self.away:
            return Unavailable(entry.id, "connection refused")
        if entry.id in self.unburiable:
            return Faulty(entry.id, "value too long", final=True)
        self.errors[entry.id] = entry.error
        return self._write(entry, "failed" if entry.cancel_reason is None else "cancelled")

    def _write(self, entry: Entry, ending: str) -> Outcome:
        if entry.id not in self.rows:
            self.written.append(entry.id)
            self.rows[entry.id] = ending
        elif ending == "cancelled":
            self.rows[entry.id] = ending
        return Materialised(entry.id)
