"""cleanup_instances: delete finished instances with their logs, as the retention does by schedule."""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from workflows.audit import Act
from workflows.cleanup import finished
from workflows.cleanup.acts import Work
from workflows.cleanup.batches import Walk
from workflows.cleanup.finished import Selection
from workflows.intake import clearing
from workflows.management import bulk
from workflows.management.bulk import REFUSED, BulkCommand, Counted, Plan
from workflows.states import FINISHED, Status

DEFAULT_REASON = "Deleted by cleanup_instances"
STATUSES = sorted(status.value for status in FINISHED)


class Command(BulkCommand):
    help = "Delete finished instances with their events, hooks and outbox rows. A dry run by default."
    verb = "cleanup_instances"
    things = "instances"
    happens = "deleted"

    def add_filters(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--finished-before", type=bulk.past, metavar="WHEN", help="ended before this time, or longer ago, as 30d"
        )
        parser.add_argument("--status", type=statuses, help=f"ended so: {', '.join(STATUSES)}; several by commas")
        parser.add_argument("--workflow", nargs="+", action="extend", metavar="SLUG", help="of these definitions")
        parser.add_argument("--org", help="slug of the org whose they are")

    def plan(self, options: Mapping[str, Any]) -> Plan:
        if not options["finished_before"]:
            raise CommandError("say how old what goes must be, with --finished-before, as in 30d", returncode=REFUSED)
        org = bulk.org_of(options["org"])
        selection = Selection(
            before=bulk.moment(options["finished_before"]),
            statuses=tuple(Status(word) for word in options["status"].split(",")) if options["status"] else None,
            workflows=tuple(options["workflow"]) if options["workflow"] else None,
            orgs=(org.id,) if org else None,
        )
        chosen = ("finished_before", "status", "workflow", "org")
        act = Act(
            verb=self.verb,
            actor=bulk.actor(),
            reason=options["reason"] or DEFAULT_REASON,
            filter={name: options[name] for name in chosen if options[name]},
            target=", ".join(options["workflow"] or ())[:200],
            org_id=org.id if org else None,
        )
        return Plan(
            act, lambda: Counted(finished.count(selection)), lambda how: delete(selection, how, options["batch_size"])
        )


def statuses(text: str) -> str:
    """Check a list of statuses."""
    words = sorted(set(text.split(",")))
    if unknown := [word for word in words if word not in STATUSES]:
        raise ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(STATUSES)}")
    return ",".join(words)


def delete(selection: Selection, how: Walk, batch: int | None) -> Work:
    tally, deleted = finished.delete(selection, how, buffered=clearing.buffered_among, batch=batch)
    return Work(tally, {**asdict(deleted), "before": selection.before.isoformat()})
