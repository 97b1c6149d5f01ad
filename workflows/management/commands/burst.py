"""burst: load a service on this machine through its API, and prove what became of every accepted trigger."""

import json
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify
from tqdm import tqdm

from workflows import conf
from workflows.load import plan, run, shapes, traces
from workflows.load.client import Limits
from workflows.load.plan import Sending
from workflows.load.service import ServiceError
from workflows.load.shapes import Shape
from workflows.load.traces import Commit, TraceError
from workflows.load.wire import Target, TargetError

REFUSED, USAGE, PARTLY_FAILED, INTERRUPTED = 1, 2, 4, 130
# An hour of the trace in a millisecond.
SPEED = 3_600_000.0


def positive(text: str) -> float:
    number = float(text)
    if not (isfinite(number) and number > 0):
        raise ArgumentTypeError(f"{text} is not a number above 0")
    return number


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is not at least 1")
    return number


class Command(BaseCommand):
    help = (
        "Send triggers to a service on this machine at a given rate, or replay a trace of commits; wait until the "
        "buffer is empty and every instance has ended; print what was accepted and what became of it."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--url", default=conf.current().service_url, help="the service; loopback only (%(default)s)"
        )
        parser.add_argument("--rate", type=positive, default=200.0, help="mean triggers a second")
        parser.add_argument("--seconds", type=positive, default=10.0)
        parser.add_argument("--shape", choices=[shape.value for shape in Shape], default=Shape.STEP.value)
        parser.add_argument("--definition", default="noop")
        parser.add_argument("--payload", default='{"n": 3, "seconds": 0.1}', help="JSON; suits every demo flow")
        parser.add_argument(
            "--orgs", type=count, default=1, help="orgs burst-1.. in turn, made (mode on) where missing"
        )
        parser.add_argument("--org", help="an org that exists, as it is, instead of --orgs")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--trace", type=Path, metavar="FILE", help="replay a trace: an org per repository")
        source.add_argument("--git", type=Path, metavar="PATH", help="replay the history of a local git repository")
        parser.add_argument("--write", type=Path, metavar="FILE", help="with --git: write the trace, send nothing")
        parser.add_argument("--speed", type=positive, default=SPEED, help="how much faster a trace's time runs")
        parser.add_argument("--limit", type=count, help="the first N lines of a trace")
        parser.add_argument("--batch", type=count, default=1, help="triggers a request (the batch endpoint above 1)")
        parser.add_argument("--connections", type=count, default=32)
        parser.add_argument(
            "--patience", type=positive, default=120.0, help="seconds without progress before it gives up"
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            self.burst(options)
        except (TargetError, ServiceError, TraceError) as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except KeyboardInterrupt:
            raise CommandError("interrupted", returncode=INTERRUPTED) from None

    def burst(self, options: Mapping[str, Any]) -> None:
        target = Target.parse(options["url"])
        commits = read_commits(options)
        if options["write"]:
            self.write_trace(commits, options["write"])
            return
        name = run.new_name()
        orgs, sendings = plan_trace(commits, name, options) if commits is not None else plan_burst(name, options)
        total = len(commits) if commits is not None else round(options["rate"] * options["seconds"])
        report = run.perform(
            run.Run(
                name=name,
                target=target,
                orgs=orgs,
                total=total,
                limits=Limits(connections=options["connections"]),
                patience_seconds=options["patience"],
            ),
            plan.batched(sendings, options["batch"]),
            # Silent off a terminal.
            lambda what, of: tqdm(desc=what, total=of, unit="", disable=None, leave=False),
        )
        self.stdout.write(report.as_json() if options["as_json"] else report.as_table())
        if not report.ok:
            raise CommandError("not every accepted trigger is one completed instance", returncode=PARTLY_FAILED)

    def write_trace(self, commits: list[Commit] | None, path: Path) -> None:
        if commits is None:
            raise CommandError("--write needs --git or --trace", returncode=USAGE)
        self.stdout.write(f"{traces.write(path, commits):,} commits written to {path}")


def read_commits(options: Mapping[str, Any]) -> list[Commit] | None:
    if options["trace"]:
        return traces.read(options["trace"], options["limit"])
    if options["git"]:
        return traces.from_git(options["git"], options["limit"])
    return None


def plan_burst(name: str, options: Mapping[str, Any]) -> tuple[dict[str, tuple[str, str]], Iterator[Sending]]:
    try:
        payload = json.loads(options["payload"])
    except ValueError as error:
        raise CommandError(f"--payload is no JSON: {error}", returncode=USAGE) from None
    slugs = [options["org"]] if options["org"] else [f"burst-{number}" for number in range(1, options["orgs"] + 1)]
    due = shapes.due_times(Shape(options["shape"]), options["rate"], options["seconds"])
    sendings = plan.of_burst(due, slugs, run=name, definition=options["definition"], payload=payload)
    return {slug: (slug, slug) for slug in slugs}, sendings


def plan_trace(
    commits: list[Commit], name: str, options: Mapping[str, Any]
) -> tuple[dict[str, tuple[str, str]], Iterator[Sending]]:
    orgs = {commit.repo: (slugify(commit.repo.replace("/", "-")), commit.repo) for commit in commits}
    return orgs, plan.of_trace(commits, run=name, speed=options["speed"])
