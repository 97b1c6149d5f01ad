"""storms: see event storms, close one, and submit again what one suppressed."""

import json
from argparse import ArgumentTypeError
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from workflows import storms
from workflows.audit import Act
from workflows.cleanup import acts
from workflows.cleanup.batches import Walk
from workflows.cleanup.locks import LockHeld
from workflows.intake import suppressed
from workflows.management import bulk
from workflows.models import Storm

REFUSED, PARTLY, LOCKED, INTERRUPTED = bulk.REFUSED, bulk.PARTLY, bulk.LOCKED, bulk.INTERRUPTED
LISTED = 200
DEFAULT_REASONS = {"close_storm": "Closed by storms close", "replay_storm": "Replayed by storms replay"}


class Command(BaseCommand):
    help = "See event storms, close one, or submit again what one suppressed; replay is a dry run by default."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="those that are open")
        listing.add_argument(
            "--all", action="store_true", dest="with_closed", help=f"closed ones too, {LISTED} at most"
        )
        close = actions.add_parser("close", help="close one; a group that is over its limit opens the next at once")
        replay = actions.add_parser("replay", help="submit what is kept, oldest first, until the damper refuses")
        replay.add_argument("--limit", type=bulk.whole, default=1_000, help="how many at most (1000)")
        replay.add_argument("--rate", type=positive, default=10.0, help="how many a second (10)")
        replay.add_argument("--execute", action="store_true", help="do it; without this nothing is submitted")
        for each in (close, replay):
            each.add_argument("id", type=bulk.whole)
            each.add_argument("--reason", default="", help="why; kept in the audit record")
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        {"list": self.listing, "close": self.close, "replay": self.replay}[options["action"]](options)

    def listing(self, options: Mapping[str, Any]) -> None:
        rows = Storm.objects.select_related("org", "env")
        if not options["with_closed"]:
            rows = rows.filter(closed_at=None)
        shown = [describe(row) for row in rows[:LISTED]]
        if options["as_json"]:
            self.stdout.write(json.dumps({"storms": shown}))
            return
        for each in shown:
            self.stdout.write(line(each))

    def close(self, options: Mapping[str, Any]) -> None:
        storm = find(options["id"])
        if not suppressed.close(storm, act("close_storm", storm, options)):
            raise CommandError(f"storm {storm.pk} is closed already", returncode=REFUSED)
        storm.refresh_from_db()
        self.show(describe(storm), options)

    def replay(self, options: Mapping[str, Any]) -> None:
        storm = find(options["id"])
        if not options["execute"]:
            count = min(options["limit"], storms.count_kept(storm.pk))
            shown = {**describe(storm), "executed": False, "count": count}
            self.show(shown, options, f"{count} triggers would be submitted; --execute does it")
            return
        try:
            self.execute_replay(storm, options)
        except LockHeld as error:
            raise CommandError(f"{error.code}: {error}", returncode=LOCKED) from None

    def execute_replay(self, storm: Storm, options: Mapping[str, Any]) -> None:
        limit, rate = options["limit"], options["rate"]
        with bulk.stopping() as stop, tqdm(desc="replay", unit="", disable=None, leave=False) as bar:
            done = acts.carry_out(
                act("replay_storm", storm, options),
                lambda record: suppressed.replay(
                    storm,
                    limit=limit,
                    rate=rate,
                    how=Walk(record=record, stop=stop, told=partial(bulk.advance, bar)),
                ),
            )
        detail = done.work.detail
        told = {**describe(storm), "executed": True, "audit": done.record, **detail}
        self.show(told, options, ", ".join(f"{word} {value}" for word, value in detail.items() if value != ""))
        if done.work.tally.stopped:
            raise CommandError("interrupted; repeat the command to go on", returncode=INTERRUPTED)
        if detail["held_up"]:
            raise CommandError(f"held up: {detail['held_up']}", returncode=PARTLY)

    def show(self, shown: Mapping[str, Any], options: Mapping[str, Any], said: str = "") -> None:
        self.stdout.write(json.dumps(shown) if options["as_json"] else said or line(shown))


def find(id_: int) -> Storm:
    storm = Storm.objects.select_related("org", "env").filter(pk=id_).first()
    if storm is None:
        raise CommandError(f"there is no storm {id_}; `storms list --all` shows them", returncode=REFUSED)
    return storm


def act(verb: str, storm: Storm, options: Mapping[str, Any]) -> Act:
    return suppressed.act(verb, storm, bulk.actor(), options["reason"].strip() or DEFAULT_REASONS[verb])


def describe(storm: Storm) -> dict[str, Any]:
    return {
        "id": storm.pk,
        "org": storm.org.slug,
        "env": storm.env.slug,
        "event": storm.event_type,
        "definition": storm.definition,
        "open": storm.closed_at is None,
        "limit": storm.limit,
        "suppressed": storm.suppressed,
        "looping": storm.looping,
        "peak": storm.peak,
        "opened_at": storm.opened_at.isoformat(),
        "last_at": storm.last_at.isoformat(),
        "closed_at": storm.closed_at.isoformat() if storm.closed_at else None,
        "closed_by": storm.closed_by,
    }


def line(shown: Mapping[str, Any]) -> str:
    state = "open" if shown["open"] else f"closed by {shown['closed_by']}"
    counts = f"{shown['suppressed']} suppressed, peak {shown['peak']} of {shown['limit']}"
    return f"{shown['id']}  {shown['org']}/{shown['env']}  {shown['event']} -> {shown['definition']}  {state}  {counts}"


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.001 <= number <= 100_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 0.001 to 100,000")
    return number
