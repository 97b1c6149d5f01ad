"""Run the pumps of one or all shards in this process, without a cluster."""

import signal
import threading
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from workflows import conf, pump
from workflows.intake import outside
from workflows.pump import PumpReport

EXIT_LOCKED = 5


class Command(BaseCommand):
    help = "Run the workflow pump of each shard until a signal stops it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--shard", type=int, action="append", help="only this shard; may be given more than once")
        parser.add_argument("--once", action="store_true", help="stop when nothing is ready any more")
        parser.add_argument("--json", action="store_true", help="print one object with what was done")

    def handle(self, *, shard: list[int] | None, once: bool, json: bool, **_options: Any) -> None:
        shards = conf.current().shards
        wanted = sorted(set(shard)) if shard else list(range(shards))
        if wanted[0] < 0 or wanted[-1] >= shards:
            raise CommandError(f"shards are 0 to {shards - 1}", returncode=2)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        reports = _run(wanted, stop, once=once)
        if json:
            self.stdout.write(_as_json(reports))
        if held := sorted(number for number, report in reports.items() if report is None):
            self.stderr.write(f"left to the pump that holds them: shards {', '.join(map(str, held))}")
            if once:
                raise SystemExit(EXIT_LOCKED)


def _run(shards: list[int], stop: threading.Event, *, once: bool) -> dict[int, PumpReport | None]:
    reports: dict[int, PumpReport | None] = {}
    broken: list[BaseException] = []

    def run(shard: int) -> None:
        try:
            reports[shard] = pump.run(shard, stop.is_set, outside, standby=not once, until_idle=once)
        except BaseException as error:  # noqa: BLE001 - one pump that breaks ends the process, the others first let go
            broken.append(error)
            stop.set()

    threads = [threading.Thread(target=run, args=(shard,), name=f"pump-{shard}") for shard in shards]
    for thread in threads:
        thread.start()
    for thread in threads:
        # With a time-out, so that the main thread sees the signal.
        while thread.is_alive():
            thread.join(0.2)
    if broken:
        raise broken[0]
    return reports


def _as_json(reports: dict[int, PumpReport | None]) -> str:
    shown = [asdict(report) for report in reports.values() if report is not None]
    for report in shown:
        report["counts"] = {str(name): count for name, count in report["counts"].items()}
    return msgspec.json.encode(
        {"pumps": shown, "held_by_others": sorted(s for s, report in reports.items() if report is None)}
    ).decode()
