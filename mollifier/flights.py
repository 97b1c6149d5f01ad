"""Claims between claim and settle, and how long each has been there."""

import threading
from dataclasses import dataclass, field
from time import monotonic

from mollifier.entry import Claim


@dataclass
class Flight:
    """One claim on its way, in the thread that made this.

    `apart` names the org it was claimed for alone; `replaced` says that a spare lane took its lane's place, `given_up`
    that the lease was ended before its time.
    """

    claim: Claim
    apart: str | None = None
    since: float = field(default_factory=monotonic)
    extended_at: float = field(default_factory=monotonic)
    late: bool = False
    replaced: bool = False
    given_up: bool = False
    thread: threading.Thread = field(default_factory=threading.current_thread)

    def age_ms(self, now: float) -> float:
        return (now - self.since) * 1000

    def orgs(self) -> set[str]:
        return {entry.scope.org for entry in self.claim.entries}


class Flights:
    """Those of one drainer, by token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Flight] = {}

    def add(self, flight: Flight) -> None:
        with self._lock:
            self._flights[flight.claim.token] = flight

    def remove(self, flight: Flight) -> None:
        with self._lock:
            self._flights.pop(flight.claim.token, None)

    def all(self) -> list[Flight]:
        """Return those whose lease is theirs."""
        with self._lock:
            return [flight for flight in self._flights.values() if not flight.given_up]

    def hung(self) -> int:
        """Return how many were given up and are still not back."""
        with self._lock:
            return sum(flight.given_up for flight in self._flights.values())

    def hangs(self, thread: threading.Thread) -> bool:
        """Tell whether the thread is in a flight that was given up."""
        with self._lock:
            return any(flight.given_up and flight.thread is thread for flight in self._flights.values())

    def is_late(self, org: str) -> bool:
        """Tell whether a late flight, given up or not, has entries of the org."""
        with self._lock:
            late = [flight for flight in self._flights.values() if flight.late]
        return any(org in flight.orgs() for flight in late)

    def replaced(self) -> int:
        with self._lock:
            return sum(flight.replaced for flight in self._flights.values())
