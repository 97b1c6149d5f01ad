"""cleanup_event_storm: cancel the backlog that a storm has left, in rows and in the buffer."""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from workflows.audit import Act
from workflows.cleanup import backlog
from workflows.cleanup.backlog import Selection
from workflows.intake import backlogs, clearing
from workflows.intake.backlogs import Backlog
from workflows.management import bulk
from workflows.management.bulk import REFUSED, BulkCommand, Counted, Plan
from workflows.models import Environment
from workflows.states import Status

DEFAULT_REASON = "Cancelled by cleanup_event_storm"
STATUSES = [status.value for status in backlog.WAITING]


class Command(BulkCommand):
    help = "Cancel pending and paused instances, without a word to what is bound to their ends. A dry run by default."
    verb = "cleanup_event_storm"
    things = "instances"
    happens = "cancelled"

    def add_filters(self, parser: CommandParser) -> None:
        parser.add_argument("--workflow", nargs="+", action="extend", metavar="SLUG", help="of these definitions")
        parser.add_argument("--event", nargs="+", action="extend", metavar="TYPE", help="made by these events")
        parser.add_argument("--org", help="slug of the org whose they are")
        parser.add_argument("--env", help="slug of one of its environments")
        parser.add_argument("--status", type=statuses, default=",".join(STATUSES), help="pending, paused or both")
        parser.add_argument(
            "--include-stale-running",
            action="store_true",
            help="also what a pump had begun whose lease has lapsed; what a live one runs is never touched",
        )
        parser.add_argument("--include-buffered", action="store_true", help="also what is still in the buffer")
        parser.add_argument(
            "--before", type=bulk.past, metavar="WHEN", help="accepted before this time, or longer ago than this age"
        )

    def plan(self, options: Mapping[str, Any]) -> Plan:
        given = {name: options[name] for name in ("workflow", "event", "org", "env") if options[name]}
        if not given:
            raise CommandError("name what to cancel, with --workflow, --event, --org or --env", returncode=REFUSED)
        org = bulk.org_of(options["org"])
        env = bulk.env_of(org, options["env"])
        before = bulk.moment(options["before"]) if options["before"] else datetime.now(UTC)
        rows = Selection(
            before=before,
            workflows=_tuple(options["workflow"]),
            events=_tuple(options["event"]),
            orgs=(org.id,) if org else None,
            envs=(env.id,) if env else None,
            statuses=tuple(Status(word) for word in options["status"].split(",")),
            stale_running=options["include_stale_running"],
        )
        meant = Backlog(rows)
        if options["include_buffered"]:
            meant = backlogs.with_buffered(rows, clearing.environments(options["org"], options["env"]))
        chosen = ("status", "include_stale_running", "include_buffered", "before")
        act = Act(
            verb=self.verb,
            actor=bulk.actor(),
            reason=options["reason"] or DEFAULT_REASON,
            filter=given | {name: options[name] for name in chosen},
            target=", ".join([*(options["workflow"] or ()), *(options["event"] or ())])[:200],
            org_id=org.id if org else None,
        )
        return Plan(
            act,
            lambda: count(meant),
            lambda how: backlogs.cancel(meant, act.reason, actor=act.actor.name, how=how, batch=options["batch_size"]),
        )


def statuses(text: str) -> str:
    """Check a list of statuses."""
    words = sorted(set(text.split(",")))
    if unknown := [word for word in words if word not in STATUSES]:
        raise ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(STATUSES)}")
    return ",".join(words)


def count(meant: Backlog) -> Counted:
    found = backlog.count(meant.rows)
    names = names_of({group.env_id for group in found.groups})
    groups = [
        {
            **names.get(group.env_id, {"org": str(group.org_id), "env": str(group.env_id)}),
            "definition": group.definition,
            "status": group.status,
            "count": group.count,
        }
        for group in found.groups
    ]
    if meant.entries is None:
        return Counted(found.count, groups, found.sample)
    waiting = clearing.count(meant.entries, clearing.find_alive)
    groups += [
        {"org": env.org.slug, "env": env.slug, "definition": definition, "status": "buffered", "count": how_many}
        for (env, definition, _), how_many in waiting.groups.items()
    ]
    return Counted(found.count + waiting.count, groups, [*found.sample, *waiting.sample])


def names_of(env_ids: set[Any]) -> dict[Any, dict[str, str]]:
    found = Environment.objects.filter(id__in=env_ids).select_related("org")
    return {env.id: {"org": env.org.slug, "env": env.slug} for env in found}


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return tuple(values) if values else None
