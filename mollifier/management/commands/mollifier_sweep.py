"""The stale sweep by hand, or as a process of its own."""

import json
import logging
import signal
from argparse import ArgumentParser
from dataclasses import asdict
from math import inf
from time import monotonic, sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mollifier import cluster, conf, sweep
from mollifier.errors import BufferUnavailable

logger = logging.getLogger(__name__)
EXIT_REFUSED, EXIT_LOCKED = 1, 5
LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = "Look for entries that have waited too long: all of them again and again, or --once for one pass."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end after one pass of at most SWEEP_ORGS orgs")
        parser.add_argument("--json", action="store_true", help="print one object to stdout for each time")

    def handle(self, *_: Any, once: bool, json: bool, **__: Any) -> None:
        settings = conf.current()
        if once:
            self.sweep_once(settings, as_json=json)
            return
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, cluster.request_stop)
        while not cluster.stop_requested():
            try:
                self.show(sweep.run(settings, stop_requested=cluster.stop_requested), as_json=json)
            except BufferUnavailable as error:
                logger.warning("mollifier.sweep_failed", extra={"error": str(error)})
            rest_until(monotonic() + settings.sweep_interval_seconds)

    def sweep_once(self, settings: conf.Conf, *, as_json: bool) -> None:
        try:
            report = sweep.run(settings, inf, passes=1)
        except BufferUnavailable as error:
            raise CommandError(str(error), returncode=EXIT_REFUSED) from error
        self.show(report, as_json=as_json)
        if not report.swept:
            self.stderr.write("another sweeper is at work")
            raise SystemExit(EXIT_LOCKED)

    def show(self, report: sweep.SweepReport, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(report)))
            return
        self.stdout.write(
            f"{report.stale} stale; {report.envs} environments of {report.orgs} orgs looked at, "
            f"{report.orphaned} ids without an entry, {report.repaired} counts put right, {report.reclaimed} taken back"
        )
        for each in report.oldest:
            age = f"oldest {each.oldest_age_seconds:.1f} s"
            self.stdout.write(f"  {each.org}/{each.env}  {each.queued} queued, {each.stale} stale, {age}")


def rest_until(end: float) -> None:
    """Wait, and look for a stop meanwhile."""
    while not cluster.stop_requested() and monotonic() < end:
        sleep(min(LOOK_SECONDS, max(0.0, end - monotonic())))
