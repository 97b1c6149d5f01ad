"""The pump's third thread: has the outbox emptied soon after something was written to it."""

import threading

import structlog
from django.db import InterfaceError, OperationalError, connection

from workflows import conf
from workflows.pump.outside import Outside

log = structlog.get_logger(__name__)

# What is written within this time is handed on together.
GATHER_SECONDS = 0.02
PAUSE_SECONDS = 1.0


class Relayer:
    """Runs until stopped. What it leaves behind is found by the sweep of the outbox."""

    def __init__(self, shard: int, outside: Outside) -> None:
        self._shard = shard
        self._outside = outside
        self._told = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workflow-relayer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tell(self) -> None:
        """Say that the outbox has something."""
        self._told.set()

    def stop(self) -> None:
        """Hand on what was told, then end."""
        self._stopping.set()
        self._told.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while True:
                self._told.wait()
                self._stopping.wait(GATHER_SECONDS)
                self._told.clear()
                self._relay()
                if self._stopping.is_set():
                    return
        finally:
            connection.close()

    def _relay(self) -> None:
        batch = conf.current().outbox_batch
        try:
            while self._outside.relay(batch) == batch and not self._stopping.is_set():
                continue
        except (OperationalError, InterfaceError) as error:
            log.warning("workflows.relay_broken", shard=self._shard, error=str(error))
            connection.close()
            self._stopping.wait(PAUSE_SECONDS)
            self._told.set()
        except Exception:
            # The sweep takes such rows up again, one after the other; the pump goes on without.
            log.exception("workflows.relay_failed", shard=self._shard)
