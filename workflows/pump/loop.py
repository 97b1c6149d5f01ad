"""The pump: holds one shard, claims its ready instances and runs them until it is asked to stop.

The event loop runs in the calling thread; beside it a committer writes, a claimer keeps the lease and claims, a relayer
empties the outbox, and a bounded pool runs sync steps. Threads and connections are opened here, after any fork.
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, connection

from workflows import conf
from workflows.pump import leases
from workflows.pump.claimer import Claimer, Reports
from workflows.pump.committer import Committer
from workflows.pump.leases import Lease
from workflows.pump.live import Live
from workflows.pump.outside import Outside
from workflows.pump.relayer import Relayer
from workflows.pump.runner import Runner

log = structlog.get_logger(__name__)

CHECK_SECONDS = 0.05
JOIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PumpReport:
    """What one hold on a shard did. `counts` has claims, outcomes of appends, events of steps, endings by status."""

    shard: int
    epoch: int
    groups: int
    released: int
    lost: bool
    counts: Mapping[str, int] = field(default_factory=dict)


class PumpBroken(Exception):
    """A pump met an error of its own and let go of everything without releasing it."""

    code = "pump_broken"


def run(
    shard: int,
    stop_requested: Callable[[], bool],
    outside: Outside,
    *,
    standby: bool = False,
    until_idle: bool = False,
) -> PumpReport | None:
    """Run a shard's pump until stopped; None when another pump keeps the shard.

    A live owner is waited for as long as its lease would last without a heartbeat, with `standby` for ever. With
    `until_idle` the pump stops by itself once nothing is ready and nothing runs.
    """
    try:
        lease = _acquire(shard, stop_requested, standby=standby)
        return _hold(shard, lease, stop_requested, outside, until_idle=until_idle) if lease is not None else None
    finally:
        connection.close()


def _hold(
    shard: int, lease: Lease, stop_requested: Callable[[], bool], outside: Outside, *, until_idle: bool
) -> PumpReport:
    log.info("workflows.pump_started", shard=shard, epoch=lease.epoch)
    # Not needed meanwhile, and hardly alive after hours of silence.
    connection.close()
    report = asyncio.run(Pump(shard, lease, stop_requested, outside, until_idle=until_idle).main())
    released = 0 if report.lost else _release(shard, lease, report)
    log.info("workflows.pump_stopped", shard=shard, epoch=lease.epoch, released=released, lost=report.lost)
    return PumpReport(shard, lease.epoch, report.groups, released, report.lost, report.counts)


def _acquire(shard: int, stop_requested: Callable[[], bool], *, standby: bool) -> Lease | None:
    owner = f"{socket.gethostname()}:{os.getpid()}"[-100:]
    give_up = time.monotonic() + leases.remaining_seconds(shard) + CHECK_SECONDS
    pause = threading.Event()
    while not stop_requested():
        lease = leases.acquire(shard, owner)
        if lease is not None:
            return lease
        if not standby and time.monotonic() > give_up:
            return None
        pause.wait(min(0.25, max(CHECK_SECONDS, leases.remaining_seconds(shard))))
    return None


def _release(shard: int, lease: Lease, report: PumpReport) -> int:
    try:
        return leases.release(shard, lease.epoch, lease.total(report.counts))
    except (OperationalError, InterfaceError) as error:
        log.warning("workflows.release_failed", shard=shard, epoch=lease.epoch, error=str(error))
        return 0


class Pump:
    """One hold on a shard: the threads, the loop, and how they end."""

    def __init__(
        self, shard: int, lease: Lease, stop_requested: Callable[[], bool], outside: Outside, *, until_idle: bool
    ) -> None:
        self._shard = shard
        self._lease = lease
        self._stop_requested = stop_requested
        self._outside = outside
        self._until_idle = until_idle
        self._error: BaseException | None = None

    async def main(self) -> PumpReport:
        """Hold the shard until there is a reason to stop.

        Raises:
            PumpBroken: an error in the pump's own code; its instances are left to the next owner.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_error)
        broken = _through(loop, self._broken)
        committer: Committer[Live] = Committer(self._outside, broken)
        relayer = Relayer(self._shard, self._outside)
        runner = Runner(self._lease, committer, lambda: claimer, relayer.tell)
        reports = Reports(
            claimed=_through(loop, runner.claimed),
            read=_through(loop, runner.read),
            gone=_through(loop, runner.gone),
            lease=_through(loop, runner.lease_kept),
            broken=broken,
            told=relayer.tell,
        )
        claimer = Claimer(self._shard, self._lease, runner, self._outside, reports)
        committer.start(_through(loop, runner.written))
        claimer.start()
        relayer.start()
        while not (self._stop_requested() or runner.lost or self._error):
            await asyncio.sleep(CHECK_SECONDS)
            if self._until_idle and runner.idle():
                if claimer.found_nothing:
                    break
                claimer.look_now()
        claimer.stop_claiming()
        if not (runner.lost or self._error):
            await self._finish_steps(runner)
        committer.stop()
        claimer.stop()
        runner.close()
        await asyncio.to_thread(committer.join, JOIN_SECONDS)
        await asyncio.to_thread(claimer.join, JOIN_SECONDS)
        relayer.stop()
        await asyncio.to_thread(relayer.join, JOIN_SECONDS)
        if self._error is not None:
            raise PumpBroken(f"shard {self._shard}: {self._error!r}") from self._error
        return PumpReport(self._shard, self._lease.epoch, committer.groups, 0, runner.lost, dict(runner.counts))

    async def _finish_steps(self, runner: Runner) -> None:
        """Let running steps end and their outcomes be written, but start no others."""
        runner.steps.hold()
        deadline = time.monotonic() + conf.current().stop_timeout_seconds
        while True:
            if time.monotonic() > deadline or not (runner.steps.running or runner.writing()):
                return
            await asyncio.sleep(0.01)

    def _broken(self, error: BaseException) -> None:
        log.error("workflows.pump_error", shard=self._shard, error=repr(error), exc_info=error)
        self._error = self._error or error

    def _on_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._broken(context.get("exception") or RuntimeError(context.get("message", "unknown")))


def _through(loop: asyncio.AbstractEventLoop, call: Callable[..., None]) -> Callable[..., None]:
    """Return a function that has `call` done on the loop; nothing once the loop has ended."""

    def hand_over(*args: Any) -> None:
        try:
            loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            log.info("workflows.pump_gone", told=len(args))

    return hand_over
