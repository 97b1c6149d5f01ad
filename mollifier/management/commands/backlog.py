"""What is buffered, for the terminal and for monitors."""

import json
import re
import time
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, datetime
from math import inf
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mollifier import buffer, pages, stats
from mollifier.decision import Scope
from mollifier.entry import Entry
from mollifier.errors import BufferUnavailable

NAMES = "oldest|buffered|queued|delayed|leased|failed|bytes|stale|orphaned|drainer|sweep"
CONDITION = re.compile(rf"({NAMES})\s*(>=|>)\s*(\d+(?:\.\d+)?)")
EXIT_REFUSED, EXIT_USAGE, EXIT_CONDITION = 1, 2, 3
ENTRIES_SHOWN = 50


class Command(BaseCommand):
    help = "Show the buffer: depth, age, flow and the deepest orgs; or the entries of --org, or of one of its --env."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--org", help="id of an org: its depth and oldest entries")
        parser.add_argument("--env", help="id of one of its environments: its newest entries")
        parser.add_argument("--json", action="store_true", help="print one object to stdout")
        parser.add_argument("--check", metavar="CONDITION", help="exit 3 when it holds, as in 'oldest>60'")
        parser.add_argument("--watch", type=float, metavar="SECONDS", help="print again every so often, until Ctrl-C")

    def handle(self, *_: Any, **options: Any) -> None:
        condition = parsed(options["check"]) if options["check"] else None
        if options["env"] and not options["org"]:
            raise CommandError("--env needs --org", returncode=EXIT_USAGE)
        while True:
            overview = self.show(options["org"], options["env"], as_json=options["json"])
            if condition is not None and holds(condition, overview):
                self.stderr.write(f"holds: {options['check']}")
                raise SystemExit(EXIT_CONDITION)
            if not options["watch"]:
                return
            time.sleep(options["watch"])

    def show(self, org: str | None, env: str | None, *, as_json: bool) -> stats.Overview:
        overview = stats.overview()
        if not overview.available:
            raise CommandError("Redis does not answer", returncode=EXIT_REFUSED)
        try:
            entries = listed(org, env)
            orgs = tuple(stats.of_orgs([org]).values()) if org else overview.orgs
        except BufferUnavailable as error:
            raise CommandError(str(error), returncode=EXIT_REFUSED) from error
        if as_json:
            found = {**asdict(overview), "orgs": [asdict(each) for each in orgs], "entries": [told(e) for e in entries]}
            self.stdout.write(json.dumps(found, default=str))
        else:
            self.stdout.write("\n".join([*summary(overview), *map(org_line, orgs), *map(entry_line, entries)]))
        return overview


def listed(org: str | None, env: str | None) -> list[Entry]:
    if org and env:
        return buffer.newest(Scope(org, env), None, ENTRIES_SHOWN)
    return pages.oldest(ENTRIES_SHOWN, org) if org else []


def parsed(text: str) -> tuple[str, str, float]:
    """Read a condition.

    Raises:
        CommandError: it is not of the form name>number or name>=number.
    """
    match = CONDITION.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"can't read the condition {text!r}; write it like 'oldest>60'", returncode=EXIT_USAGE)
    return match[1], match[2], float(match[3])


def holds(condition: tuple[str, str, float], overview: stats.Overview) -> bool:
    name, operator, bound = condition
    value = measured(name, overview, datetime.now(UTC))
    return value >= bound if operator == ">=" else value > bound


def measured(name: str, overview: stats.Overview, now: datetime) -> float:
    """Return what a condition names; `drainer` and `sweep` are seconds of silence."""
    match name:
        case "oldest":
            return overview.oldest_age_seconds or 0.0
        case "drainer":
            # With nothing to drain, none needs to be there.
            waiting = overview.queued + overview.delayed + overview.leased
            return silence(overview.drainer_last_beat_at, now) if waiting else 0.0
        case "sweep":
            return silence(overview.sweep_last_cycle_at, now)
        case _:
            return float(getattr(overview, name))


def silence(since: datetime | None, now: datetime) -> float:
    return inf if since is None else (now - since).total_seconds()


def told(entry: Entry) -> dict[str, Any]:
    """Return what may be shown of an entry: all but its snapshot."""
    return {
        "id": str(entry.id),
        "org": entry.scope.org,
        "env": entry.scope.env,
        "state": entry.state.value,
        "reason": entry.reason.value,
        "accepted_at": entry.accepted_at.isoformat(),
        "attempts": entry.attempts,
        "error": entry.error,
    }


def summary(overview: stats.Overview) -> list[str]:
    oldest = "-" if overview.oldest_age_seconds is None else f"{overview.oldest_age_seconds:.1f} s"
    states = ("queued", "delayed", "leased", "failed")
    counts = ", ".join(f"{getattr(overview, state)} {state}" for state in states)
    return [
        f"buffered {overview.buffered} ({counts}), {overview.bytes} bytes, oldest {oldest}, {overview.stale} stale",
        f"in {overview.in_per_second:.1f}/s, drained {overview.drained_per_second:.1f}/s",
    ]


def org_line(org: stats.OrgDepth) -> str:
    oldest = "-" if org.oldest_age_seconds is None else f"{org.oldest_age_seconds:.1f} s"
    return f"  {org.org}  {org.queued} queued, oldest {oldest}, weight {org.weight:g}"


def entry_line(entry: Entry) -> str:
    return (
        f"  {entry.id}  {entry.state.value}  {entry.reason.value}  {entry.accepted_at.isoformat()}  {entry.error or ''}"
    )
