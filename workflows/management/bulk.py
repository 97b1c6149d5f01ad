"""What the commands share that change many things at once: a dry run first, a question, progress, and how they end."""

import getpass
import json
import re
import signal
import sys
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from workflows.audit import Act, Actor, AuditOutcome
from workflows.cleanup import acts
from workflows.cleanup.acts import Done, Work
from workflows.cleanup.batches import Walk
from workflows.cleanup.locks import LockHeld
from workflows.intake.lookup import LookupUnavailable
from workflows.models import Environment, Organization

REFUSED, PARTLY, LOCKED, INTERRUPTED = 1, 4, 5, 130
ENDINGS = {AuditOutcome.PARTLY: PARTLY, AuditOutcome.INTERRUPTED: INTERRUPTED}
AGE = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MOST_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Counted:
    """What a dry run found: how many, in groups that people can read, with the ids of some."""

    count: int
    groups: Sequence[Mapping[str, Any]] = ()
    sample: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One bulk act: who does what, how many it would be, and doing it."""

    act: Act
    count: Callable[[], Counted]
    do: Callable[[Walk], Work]


class BulkCommand(BaseCommand):
    """A dry run unless told to execute; a repeat of an interrupted one goes on.

    A command says with `add_filters` what it can be told and with `plan` what that means.
    """

    verb: str
    # What its things are called, and what happens to them.
    things: str
    happens: str

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_filters(parser)
        parser.add_argument("--execute", action="store_true", help="do it; without this nothing is changed")
        parser.add_argument("--yes", action="store_true", help="don't ask for the count on a terminal")
        parser.add_argument("--reason", default="", help="why; kept in the audit record")
        parser.add_argument("--batch-size", type=batch_size, help="how many in one transaction")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def add_filters(self, parser: CommandParser) -> None:
        """Add the arguments that choose the things."""
        raise NotImplementedError

    def plan(self, options: Mapping[str, Any]) -> Plan:
        """Make the plan, or raise CommandError: what is wrong with the arguments and how to put it right."""
        raise NotImplementedError

    def handle(self, **options: Any) -> None:
        plan = self.plan(options)
        try:
            if options["execute"]:
                self.execute_plan(plan, options)
            else:
                self.dry_run(plan, as_json=options["as_json"])
        except LockHeld as error:
            raise CommandError(f"{error.code}: {error}", returncode=LOCKED) from None
        except LookupUnavailable:
            raise CommandError("the buffer does not answer; what is done stays", returncode=REFUSED) from None
        except KeyboardInterrupt:
            raise CommandError("interrupted; repeat the command to go on", returncode=INTERRUPTED) from None

    def dry_run(self, plan: Plan, *, as_json: bool) -> None:
        counted = plan.count()
        if as_json:
            self.stdout.write(json.dumps({**self.told(plan), "executed": False, **shown(counted)}))
            return
        for group in counted.groups:
            self.stdout.write("  ".join(str(value) for value in group.values()))
        self.stdout.write(f"{counted.count} {self.things} would be {self.happens}; --execute does it")

    def execute_plan(self, plan: Plan, options: Mapping[str, Any]) -> None:
        expected = self.ask(plan) if sys.stdin.isatty() and not options["yes"] else None
        with stopping() as stop, tqdm(desc=self.verb, total=expected, unit="", disable=None, leave=False) as bar:
            done = acts.carry_out(
                plan.act, lambda record: plan.do(Walk(record=record, stop=stop, told=partial(advance, bar)))
            )
        self.report(plan, done, as_json=options["as_json"])

    def ask(self, plan: Plan) -> int:
        """Have the operator type how many it will be."""
        counted = plan.count()
        self.stderr.write(
            f"{counted.count} {self.things} will be {self.happens}. Type that number to go on: ", ending=""
        )
        self.stderr.flush()
        if sys.stdin.readline().strip() != str(counted.count):
            raise CommandError("that is not the count; nothing was changed", returncode=REFUSED)
        return counted.count

    def report(self, plan: Plan, done: Done, *, as_json: bool) -> None:
        tally = done.work.tally
        if as_json:
            ended = {"done": tally.done, "outcome": done.outcome.value, "audit": done.record, **acts.told(done.work)}
            self.stdout.write(json.dumps({**self.told(plan), "executed": True, **ended}))
        else:
            self.stdout.write(f"{tally.done} {self.things} {self.happens}, audit record {done.record}")
        if done.outcome in ENDINGS:
            raise CommandError(why(done), returncode=ENDINGS[done.outcome])

    def told(self, plan: Plan) -> dict[str, Any]:
        return {"verb": self.verb, "filter": dict(plan.act.filter)}


def advance(bar: Any, done: int) -> None:
    bar.update(done)


def why(done: Done) -> str:
    tally = done.work.tally
    if tally.stopped:
        return "interrupted; repeat the command to go on"
    if tally.capped:
        return "it reached the cap of its batches; repeat the command to go on"
    return f"{tally.busy} were held by others or changed meanwhile; repeat the command for these"


def shown(counted: Counted) -> dict[str, Any]:
    groups = [dict(group) for group in counted.groups]
    return {"count": counted.count, "groups": groups, "sample": [str(id_) for id_ in counted.sample]}


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Have the first Ctrl-C, or SIGTERM, end the walk after its batch; the second one interrupts at once."""
    asked = threading.Event()

    def ask(_number: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def actor() -> Actor:
    return Actor(f"command: {getpass.getuser()}")


def batch_size(text: str) -> int:
    """Read how many go in one transaction."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_AT_ONCE:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_AT_ONCE:,}")
    return int(text)


def whole(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) < 2**63:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def moment(text: str) -> datetime:
    """Read a time of the past: an age (90s, 15m, 6h, 30d), or a date and time."""
    try:
        if age := AGE.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: float(age[1])})
        given = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no age like 6h or 30d, and no time like 2026-01-31T12:00Z") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def past(text: str) -> str:
    """Check a moment and keep it as it was given, so that a repeat of the command is the same act."""
    moment(text)
    return text


def org_of(slug: str | None) -> Organization | None:
    """Find the org that was named.

    Raises:
        CommandError: there is none.
    """
    org = Organization.objects.filter(slug=slug).first() if slug else None
    if slug and org is None:
        raise CommandError(f"--org: there is no org {slug!r}; name one by its slug", returncode=REFUSED)
    return org


def env_of(org: Organization | None, slug: str | None) -> Environment | None:
    """Find the environment that was named, of the org that was.

    Raises:
        CommandError: there is none, or no org is named.
    """
    if slug is None:
        return None
    if org is None:
        raise CommandError("--env: name its org too, with --org", returncode=REFUSED)
    env = Environment.objects.filter(org=org, slug=slug).first()
    if env is None:
        raise CommandError(f"--env: {org.slug} has no environment {slug!r}", returncode=REFUSED)
    return env
