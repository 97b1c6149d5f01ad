"""Entry points of django-q2: drain for a while, ask for that, and sweep."""

import logging
from dataclasses import asdict
from time import monotonic
from typing import Any

from django.utils.module_loading import import_string
from django_q.tasks import async_task

from mollifier import cluster, conf
from mollifier import sweep as sweeping
from mollifier.drainer import Drainer
from mollifier.errors import BufferUnavailable
from mollifier.materialiser import Materialiser

logger = logging.getLogger(__name__)
DRAIN = "mollifier.tasks.drain"


def wake() -> bool:
    """Ask the cluster for a drainer; False when the queue can't be reached, then the schedule brings one."""
    try:
        async_task(DRAIN)
    except Exception as error:  # noqa: BLE001 - brokers raise what they like
        logger.warning("mollifier.wake_failed", extra={"error": str(error)})
        return False
    return True


def drain() -> dict[str, Any]:
    """Drain for one slice and hand on to the next task while entries wait. Does nothing when another drainer leads."""
    settings = conf.current()
    if not settings.drain:
        return {"led": False}
    drainer = Drainer(materialiser(settings), settings, cluster.stop_requested)
    try:
        report = drainer.run(monotonic() + settings.slice_seconds, settings.linger_seconds)
    except BufferUnavailable as error:
        logger.warning("mollifier.drain_failed", extra={"error": str(error)})
        return {"led": False}
    if report.led and report.waiting and not cluster.stop_requested():
        wake()
    return asdict(report)


def sweep() -> dict[str, Any]:
    """Sweep until the cycle is complete, for one slice at most. Does nothing beside another sweeper."""
    settings = conf.current()
    try:
        report = sweeping.run(settings, monotonic() + settings.slice_seconds, stop_requested=cluster.stop_requested)
    except BufferUnavailable as error:
        logger.warning("mollifier.sweep_failed", extra={"error": str(error)})
        return {"swept": False}
    return asdict(report)


def materialiser(settings: conf.Conf) -> Materialiser:
    """Build the host's materialiser.

    Raises:
        ImportError: MATERIALISER names nothing.
    """
    made: Materialiser = import_string(settings.materialiser)()
    return made
