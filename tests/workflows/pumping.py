"""A pump in a thread, for tests of what it does."""

import threading
from contextlib import contextmanager

from django.db import connection

from workflows import pump
from workflows.intake import outside


class Running:
    """A pump that runs beside the test."""

    def __init__(self, shard: int, **options) -> None:
        self.stop_asked = threading.Event()
        self.report: pump.PumpReport | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(shard, options))
        self.thread.start()

    def _run(self, shard, options) -> None:
        try:
            self.report = pump.run(shard, self.stop_asked.is_set, outside, **options)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            connection.close()

    def stop(self) -> pump.PumpReport | None:
        self.stop_asked.set()
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.report


@contextmanager
def running(shard: int = 0, **options):
    pumping = Running(shard, **options)
    try:
        yield pumping
    finally:
        pumping.stop()


def run_until_idle(shard: int = 0) -> pump.PumpReport:
    report = pump.run(shard, lambda: False, outside, until_idle=True)
    assert report is not None
    return report
