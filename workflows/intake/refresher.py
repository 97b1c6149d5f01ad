"""Keep the current directory in this process: one thread polls one version row and loads what changed.

The first use loads in the caller. After a fork the child serves what it inherited and makes its own thread and
connection. While the database is away the last directory serves on, up to SNAPSHOT_MAX_AGE_SECONDS.
"""

import os
import threading
import time

import structlog
from django.db import connection

from workflows import conf
from workflows.intake import directory
from workflows.intake.directory import Directory

log = structlog.get_logger(__name__)

# A child that inherits an older directory than this looks at the database before it serves it.
INHERITED_FRESH_SECONDS = 2.0


class DirectoryUnavailable(Exception):
    """No directory was loaded yet, or the last one is too old, and the database does not answer."""

    code = "directory_unavailable"


class Refresher:
    """Owns the directory and the thread. One a process; see the functions below."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._checked_at = 0.0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._begun = False
        self._lock = threading.Lock()

    def current(self) -> Directory:
        """Return the directory without I/O, but for the first call.

        Raises:
            DirectoryUnavailable: there is none, or it is too old.
        """
        if not self._begun:
            self._begin()
        if self._directory is None or self.age_seconds() > conf.current().snapshot_max_age_seconds:
            raise DirectoryUnavailable
        return self._directory

    def refresh(self) -> Directory:
        """Look at the database now, in the caller's connection."""
        with self._lock:
            self._directory = directory.load(self._directory or Directory())
            self._checked_at = time.monotonic()
            return self._directory

    def age_seconds(self) -> float:
        """Return how long ago the database was last seen to agree."""
        return time.monotonic() - self._checked_at

    def degraded(self) -> bool:
        """Tell whether refreshing fails: what is served may be old."""
        refresh_ms = conf.current().snapshot_refresh_ms
        return self._directory is None or (refresh_ms > 0 and self.age_seconds() > 3 * refresh_ms / 1000)

    def forget(self) -> None:
        """Stop the thread and start from nothing at the next use."""
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
        self.__init__()  # type: ignore[misc]

    def leave_parent(self) -> None:
        """Begin again in a forked child, with what the parent knew; its thread and its lock stayed there."""
        self._thread, self._begun = None, False
        self._stop, self._lock = threading.Event(), threading.Lock()

    def _begin(self) -> None:
        if self._directory is None or self.age_seconds() > INHERITED_FRESH_SECONDS:
            self._try_refresh()
        with self._lock:
            if self._begun or self._directory is None:
                return
            self._begun = True
            if conf.current().snapshot_refresh_ms > 0:
                self._thread = threading.Thread(target=self._run, args=(self._stop,), name="directory", daemon=True)
                self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(conf.current().snapshot_refresh_ms / 1000):
            self._try_refresh()
        connection.close()

    def _try_refresh(self) -> None:
        try:
            self.refresh()
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the last directory serves on
            log.warning(
                "workflows.directory_refresh_failed", error=str(error), age_seconds=round(self.age_seconds(), 1)
            )
            if threading.current_thread() is self._thread:
                connection.close()


_refresher = Refresher()
os.register_at_fork(after_in_child=_refresher.leave_parent)

current = _refresher.current
refresh = _refresher.refresh
age_seconds = _refresher.age_seconds
degraded = _refresher.degraded
forget = _refresher.forget
