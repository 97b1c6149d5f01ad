"""What is buffered, for the terminal and for monitors."""

import json
import os
import re
import shutil
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from mollifier import names, pages, stats, terminal
from mollifier.decision import Scope
from mollifier.entry import Entry
from mollifier.errors import BufferUnavailable
from mollifier.terminal import Level, Twin

NAMES = "oldest|buffered|queued|delayed|leased|failed|bytes|stale|orphaned|drainer|sweep"
CONDITION = re.compile(rf"({NAMES})\s*(>=|>)\s*(\d+(?:\.\d+)?)")
EXIT_REFUSED, EXIT_USAGE, EXIT_CONDITION, EXIT_INTERRUPTED = 1, 2, 3, 130
ENTRIES_SHOWN = 50
# The terminal's other screen and no cursor; and back, with all that was there before.
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
HOME, END_OF_LINE, BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one look found."""

    overview: stats.Overview
    orgs: tuple[stats.OrgDepth, ...] = ()
    entries: tuple[Entry, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> list[stats.OrgDepth]:
        """Return the orgs by what people call them."""
        return [replace(each, org=self.names.get(each.org, each.org)) for each in self.orgs]


class Command(BaseCommand):
    help = "Show the buffer: depth, age, flow and the deepest orgs; or the entries of --org, or of one of its --env."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--org", help="slug or id of an org: its depth and oldest entries")
        parser.add_argument("--env", help="slug or id of one of its environments: its newest entries")
        parser.add_argument("--json", action="store_true", help="print one object to stdout")
        parser.add_argument("--check", metavar="CONDITION", help="exit 3 when it holds, as in 'oldest>60'")
        parser.add_argument(
            "--watch",
            type=float,
            metavar="SECONDS",
            help="look again every so often, until Ctrl-C: drawn in place on a terminal, else one block each time",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        condition = parsed(options["check"]) if options["check"] else None
        if options["env"] and not options["org"]:
            raise CommandError("--env needs --org", returncode=EXIT_USAGE)
        options |= place(options["org"], options["env"])
        if options["watch"] is not None:
            self.watch(options, condition)
            return
        shown = look(options["org"], options["env"])
        if not shown.overview.available:
            raise CommandError("Redis does not answer", returncode=EXIT_REFUSED)
        self.stdout.write(as_json(shown) if options["json"] else "\n".join(as_text(shown)))
        self.judge(condition, options["check"], shown.overview)

    def watch(self, options: dict[str, Any], condition: "Condition | None") -> None:
        """Show every so often, also while Redis is away; Ctrl-C ends with 130, a reader that left with 0."""
        seconds = options["watch"]
        if not (isfinite(seconds) and seconds > 0):
            raise CommandError(f"--watch {seconds:g}: give it seconds above 0, as in --watch 2", returncode=EXIT_USAGE)
        drawn = self.stdout.isatty() and not options["json"]
        try:
            with screen(self.stdout) if drawn else ending():
                self.keep_showing(options, seconds, condition, drawn=drawn)
        except KeyboardInterrupt:
            raise SystemExit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:
            # What is still buffered has nowhere to go; without this the interpreter would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def keep_showing(
        self, options: dict[str, Any], seconds: float, condition: "Condition | None", *, drawn: bool
    ) -> None:
        twin = Twin()
        due = time.monotonic()
        while True:
            shown = look(options["org"], options["env"])
            if options["json"]:
                self.stdout.write(as_json(shown))
            else:
                self.show(shown, twin, seconds, drawn=drawn)
            self.stdout.flush()
            self.judge(condition, options["check"], shown.overview)
            # By the clock: how long a look takes does not add up.
            due = max(due + seconds, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))

    def show(self, shown: Shown, twin: Twin, seconds: float, *, drawn: bool) -> None:
        now = datetime.now(UTC)
        lines = twin.draw(shown.overview, shown.named(), now) + [entry_line(each) for each in shown.entries]
        head = f"{now:%Y-%m-%d %H:%M:%S} UTC"
        if not drawn:
            self.stdout.write("\n".join([head, *lines, "", ""]))
            return
        size = shutil.get_terminal_size()
        fit = terminal.fitted([f"{head}, every {seconds:g} s, Ctrl-C ends", *lines], size.columns, size.lines - 1)
        fit[1:2] = [self.coloured(fit[1], terminal.judge(shown.overview, now).level)]
        self.stdout.write(HOME + "".join(f"{line}{END_OF_LINE}\n" for line in fit) + BELOW, ending="")

    def coloured(self, line: str, level: Level) -> str:
        paint = {Level.OK: self.style.SUCCESS, Level.DEGRADED: self.style.WARNING, Level.FAILING: self.style.ERROR}
        return str(paint[level](line))

    def judge(self, condition: "Condition | None", text: str, overview: stats.Overview) -> None:
        if condition is not None and overview.available and holds(condition, overview):
            self.stderr.write(f"holds: {text}")
            raise SystemExit(EXIT_CONDITION)


@contextmanager
def screen(output: Any) -> Iterator[None]:
    """Draw on the terminal's other screen, and give back the first however this ends."""
    output.write(ENTER, ending="")
    try:
        with ending():
            yield
    finally:
        output.write(LEAVE, ending="")
        output.flush()


@contextmanager
def ending() -> Iterator[None]:
    """Have SIGTERM end this as Ctrl-C does, so that the terminal is left as it was."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


Condition = tuple[str, str, float]


def look(org: str | None, env: str | None) -> Shown:
    """Read what is to be shown; nothing is available when Redis goes away meanwhile."""
    overview = stats.overview()
    if not overview.available:
        return Shown(overview)
    try:
        orgs = tuple(stats.of_orgs([org]).values()) if org else overview.orgs
        return Shown(overview, orgs, tuple(listed(org, env)), names.current().of_orgs([each.org for each in orgs]))
    except BufferUnavailable:
        return Shown(stats.Overview())


def place(org: str | None, env: str | None) -> dict[str, str | None]:
    """Find the ids of what was named.

    Raises:
        CommandError: there is no such org, or environment of it.
    """
    known = names.current()
    found = known.org(org) if org else None
    if org and found is None:
        raise CommandError(f"--org: there is no org {org!r}; name one by its slug", returncode=EXIT_REFUSED)
    within = known.env(found, env) if found and env else None
    if env and within is None:
        raise CommandError(f"--env: {org} has no environment {env!r}", returncode=EXIT_REFUSED)
    return {"org": found, "env": within}


def listed(org: str | None, env: str | None) -> list[Entry]:
    if org and env:
        return list(pages.newest(Scope(org, env), None, ENTRIES_SHOWN).entries)
    return pages.oldest(ENTRIES_SHOWN, org) if org else []


def parsed(text: str) -> Condition:
    """Read a condition.

    Raises:
        CommandError: it is not of the form name>number or name>=number.
    """
    match = CONDITION.fullmatch(text.strip())
    if match is None:
        raise CommandError(f"can't read the condition {text!r}; write it like 'oldest>60'", returncode=EXIT_USAGE)
    return match[1], match[2], float(match[3])


def holds(condition: Condition, overview: stats.Overview) -> bool:
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
            return terminal.silence(overview.drainer_last_beat_at, now) if waiting else 0.0
        case "sweep":
            return terminal.silence(overview.sweep_last_cycle_at, now)
        case _:
            return float(getattr(overview, name))


def as_json(shown: Shown) -> str:
    now = datetime.now(UTC)
    verdict = terminal.judge(shown.overview, now)
    found = {
        "at": now.isoformat(),
        "verdict": {"level": verdict.level.value, "why": verdict.why},
        **asdict(shown.overview),
        "orgs": [asdict(each) | {"name": shown.names.get(each.org)} for each in shown.orgs],
        "entries": [told(each) for each in shown.entries],
    }
    return json.dumps(found, default=str)


def as_text(shown: Shown) -> list[str]:
    rows = [*map(terminal.org_line, shown.named()), *map(entry_line, shown.entries)]
    return [*terminal.summary(shown.overview), *rows]


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


def entry_line(entry: Entry) -> str:
    return (
        f"  {entry.id}  {entry.state.value}  {entry.reason.value}  {entry.accepted_at.isoformat()}  {entry.error or ''}"
    )
