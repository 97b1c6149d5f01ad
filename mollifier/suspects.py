"""Orgs that were in a batch which took too long. Each is claimed by itself until that goes quickly.

Which of a batch was slow can't be known; claimed apart, the others clear themselves at once, and the slow one holds up
only itself. Kept by the leading drainer; the next one learns anew.
"""

import threading
from collections.abc import Iterable

# So many at most are left out of a claim; beyond that slowness is nobody's own.
MOST = 32


class Suspects:
    """The suspected orgs, oldest first, and which of them are being served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: dict[str, bool] = {}

    def add(self, orgs: Iterable[str]) -> None:
        """Suspect these orgs, as far as there is room."""
        with self._lock:
            for org in orgs:
                if len(self._served) < MOST:
                    self._served.setdefault(org, False)

    def names(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(self._served)

    def waiting(self) -> int:
        """Return how many are not being served."""
        with self._lock:
            return sum(not served for served in self._served.values())

    def take(self) -> str | None:
        """Return one that is not being served, to be served by the caller alone; `give_back` must follow."""
        with self._lock:
            org = next((org for org, served in self._served.items() if not served), None)
            if org is not None:
                self._served[org] = True
            return org

    def give_back(self, org: str, *, cleared: bool) -> None:
        """End serving an org: it is suspected no longer, or waits behind the others."""
        with self._lock:
            if self._served.pop(org, None) is not None and not cleared:
                self._served[org] = False
