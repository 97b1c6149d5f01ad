"""django-q2's cluster, made to fail fast, to stop soon and to start its own work.

A worker killed while it waits for work takes the queue's lock with it, and the rest of its pool waits for ever. So a
sudden death ends the whole cluster with EXIT_SUDDEN_DEATH, and whoever supervises it starts a new one.
"""

import ctypes
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from multiprocessing import Event
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

import django_q.cluster
import structlog
from django.db import connections
from django_q.conf import Conf
from django_q.scheduler import scheduler
from django_q.status import Stat
from django_q.tasks import async_task
from django_q.worker import worker

from mollifier import cluster

log = structlog.get_logger(__name__)

# EX_TEMPFAIL: try again.
EXIT_SUDDEN_DEATH = 75
POLL_SECONDS = 0.1
SCHEDULER_SECONDS = 30
# django-q2 forgets a cluster that has said nothing of itself for three.
STAT_SECONDS = 1
PR_SET_PDEATHSIG = 1
# What a worker leaves in its timer.
RECYCLED, TIMED_OUT = -2, 0


def run() -> int:
    """Run this process's cluster until it is stopped or fails; return the exit status."""
    signal.signal(signal.SIGTERM, cluster.request_stop)
    signal.signal(signal.SIGINT, cluster.request_stop)
    stop_event = Event()
    guard = django_q.cluster.get_mp_context().Process(
        target=_guard_cluster, args=(stop_event, Event(), uuid.uuid4()), name=f"Sentinel-{Conf.CLUSTER_NAME}"
    )
    guard.start()
    while guard.is_alive():
        guard.join(POLL_SECONDS)
        if cluster.stop_requested():
            stop_event.set()
    status = guard.exitcode or 0
    return EXIT_SUDDEN_DEATH if status < 0 else status


def _guard_cluster(*args: object) -> None:
    _die_with_parent()
    Sentinel(*args)


def _work(target: Callable[..., None], *args: object) -> None:
    _die_with_parent()
    target(*args)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies; an orphan would go on taking tasks, unguarded."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


class Sentinel(django_q.cluster.Sentinel):  # type: ignore[misc]
    """Starts the pool, watches it, and runs the schedules; lives in a process of its own."""

    def spawn_process(self, target: Callable[..., None], *args: Any) -> Any:
        """Start a worker, pusher or monitor that does not outlive this process."""
        child: Any = django_q.cluster.get_mp_context().Process(
            target=_work, args=(target, *args), name=f"{target.__name__}-{uuid.uuid4().hex[:8]}", daemon=True
        )
        if target is worker:
            child.timer = args[2]
            self.pool.append(child)
        child.start()
        return child

    def guard(self) -> None:
        """Watch until asked to stop."""
        self.start_event.set()
        log.info("mollifier.cluster_started", cluster=Conf.CLUSTER_NAME, workers=self.pool_size)
        for task in Conf.conf.get("boot", ()):
            async_task(task, q_options={"broker": self.broker})
        since_scheduler, since_stat = 0.0, float(STAT_SECONDS)
        while not self.stop_event.wait(Conf.GUARD_CYCLE):
            self.check_pool()
            since_scheduler += Conf.GUARD_CYCLE
            since_stat += Conf.GUARD_CYCLE
            if since_scheduler >= SCHEDULER_SECONDS and Conf.SCHEDULER:
                since_scheduler = 0.0
                scheduler(broker=self.broker)
            if since_stat >= STAT_SECONDS:
                since_stat = 0.0
                Stat(self).save()
        self.stop()

    def check_pool(self) -> None:
        """Replace workers that ended as they should; fail when anything else is gone."""
        for child in (self.monitor, self.pusher):
            if not child.is_alive():
                self.fail(child, "died")
        for child in list(self.pool):
            # Read past the lock: a worker may have been killed while it held it.
            left = child.timer.get_obj().value
            if not child.is_alive():
                if left not in (RECYCLED, TIMED_OUT):
                    self.fail(child, "died")
                self.replace(child)
            elif left == TIMED_OUT:
                self.end_timed_out(child)
            elif left > 0:
                self.count_down(child)

    def end_timed_out(self, child: BaseProcess) -> None:
        """Replace a worker that ends by itself after its time-out; one that does not is no longer under control."""
        child.join(1)
        if child.is_alive():
            self.fail(child, "did not end after its time-out")
        self.replace(child)

    def count_down(self, child: Any) -> None:
        lock = child.timer.get_lock()
        if not lock.acquire(timeout=Conf.GUARD_CYCLE):
            return
        try:
            remaining = child.timer.get_obj()
            if remaining.value > 0:
                remaining.value = max(TIMED_OUT, remaining.value - Conf.GUARD_CYCLE)
        finally:
            lock.release()

    def replace(self, child: BaseProcess) -> None:
        self.pool.remove(child)
        # A connection that crosses a fork would give one process the other's rows.
        connections.close_all()
        self.spawn_worker()
        self.reincarnations += 1
        log.info("mollifier.worker_replaced", cluster=Conf.CLUSTER_NAME, process=child.name)

    def stop(self) -> None:
        """Let the pool finish what it does, within the time a stop may take."""
        limit = Conf.conf.get("stop_seconds", 30)
        late = threading.Timer(limit, self.fail, (self.monitor, "was still there when the time for a stop was up"))
        late.daemon = True
        late.start()
        try:
            super().stop()
        finally:
            # When it has begun it ends this process, however far the pool's end has brought us meanwhile.
            late.cancel()
            late.join()

    def fail(self, child: BaseProcess, what: str) -> NoReturn:
        """End the cluster at once: its queues may be locked for good."""
        log.critical("mollifier.cluster_failed", cluster=Conf.CLUSTER_NAME, process=child.name, pid=child.pid, why=what)
        for each in (*self.pool, self.monitor, self.pusher):
            each.kill()
        os._exit(EXIT_SUDDEN_DEATH)
