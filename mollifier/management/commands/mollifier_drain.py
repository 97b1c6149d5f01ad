"""The drainer as a process of its own: the same loop that the cluster runs in slices."""

import json
import logging
import signal
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict
from math import inf
from time import monotonic, sleep
from typing import Any

from django.core.management.base import BaseCommand

from mollifier import client, cluster, conf, tasks
from mollifier.drainer import Drainer, DrainReport
from mollifier.errors import BufferUnavailable

logger = logging.getLogger(__name__)
EXIT_REFUSED, EXIT_HUNG, EXIT_LOCKED = 1, 4, 5
STANDBY_SECONDS = 1.0


class Command(BaseCommand):
    help = "Drain the buffer: until stopped, for --seconds, or --once until it is empty."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when nothing waits any more")
        parser.add_argument("--seconds", type=positive, default=inf, help="end after so long")
        parser.add_argument("--json", action="store_true", help="print one object to stdout")

    def handle(self, *_: Any, once: bool, seconds: float, json: bool, **__: Any) -> None:
        settings = conf.current()
        if not settings.drain:
            self.stderr.write("MOLLIFIER['DRAIN'] is off: nothing is drained")
            raise SystemExit(EXIT_REFUSED)
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, cluster.request_stop)
        client.load_scripts()
        report = self.drain(settings, monotonic() + seconds, once=once)
        self.show(report, as_json=json)
        if not report.led and once:
            self.stderr.write("another drainer leads")
            raise SystemExit(EXIT_LOCKED)
        if report.hung:
            self.stderr.write("batches hang that were given up; a new process is needed")
            raise SystemExit(EXIT_HUNG)

    def drain(self, settings: conf.Conf, until: float, *, once: bool) -> DrainReport:
        """Drain, or stand by while another drainer leads."""
        materialiser = tasks.materialiser(settings)
        total = DrainReport()
        while not cluster.stop_requested() and monotonic() < until:
            drainer = Drainer(materialiser, settings, cluster.stop_requested)
            try:
                total = added(total, drainer.run(until, 0.0 if once else inf))
            except BufferUnavailable as error:
                logger.warning("mollifier.buffer_unavailable", extra={"error": str(error)})
            if once or total.hung:
                break
            sleep(min(STANDBY_SECONDS, max(0.0, until - monotonic())))
        return total

    def show(self, report: DrainReport, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self.stdout.write(
                f"settled {report.settled}, requeued {report.requeued}, failed {report.failed}, "
                f"buried {report.buried}, {report.waiting} still wait"
            )


def positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ArgumentTypeError(f"{text} is not above 0")
    return number


def added(total: DrainReport, more: DrainReport) -> DrainReport:
    """Sum two runs; what waits is what the later one saw."""
    counts = {name: getattr(total, name) + value for name, value in asdict(more).items()}
    return DrainReport(**{**counts, "led": total.led or more.led, "waiting": more.waiting})
