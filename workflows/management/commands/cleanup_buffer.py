"""cleanup_buffer: remove entries from the buffer for good, after writing them to a file if one is named."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from workflows.audit import Act
from workflows.cleanup.acts import Work
from workflows.cleanup.batches import Walk
from workflows.intake import clearing, export
from workflows.intake.clearing import Selection
from workflows.intake.deadletters import State
from workflows.management import bulk
from workflows.management.bulk import REFUSED, BulkCommand, Counted, Plan

DEFAULT_REASON = "Removed by cleanup_buffer"


class Command(BulkCommand):
    help = "Remove buffered triggers for good: they never become instances. A dry run by default."
    verb = "cleanup_buffer"
    things = "entries"
    happens = "removed"

    def add_filters(self, parser: CommandParser) -> None:
        parser.add_argument("--org", help="slug of the org whose they are")
        parser.add_argument("--env", help="slug of one of its environments")
        parser.add_argument("--older-than", type=bulk.past, metavar="AGE", help="accepted longer ago, as 15m, 6h, 30d")
        parser.add_argument("--state", choices=[state.value for state in clearing.STATES], help="in this state only")
        parser.add_argument(
            "--export", type=Path, metavar="FILE", help="write each as a JSON line first; a file that is there grows"
        )

    def plan(self, options: Mapping[str, Any]) -> Plan:
        given = {name: options[name] for name in ("org", "env", "older_than", "state") if options[name]}
        if not given:
            raise CommandError("name what to remove, with --org, --env, --older-than or --state", returncode=REFUSED)
        org = bulk.org_of(options["org"])
        bulk.env_of(org, options["env"])
        selection = Selection(
            envs=clearing.environments(options["org"], options["env"]),
            states=(State(options["state"]),) if options["state"] else clearing.STATES,
            before=bulk.moment(options["older_than"]) if options["older_than"] else None,
        )
        act = Act(
            verb=self.verb,
            actor=bulk.actor(),
            reason=options["reason"] or DEFAULT_REASON,
            filter=given,
            target="/".join(slug for slug in (options["org"], options["env"]) if slug),
            org_id=org.id if org else None,
        )
        return Plan(act, lambda: count(selection), lambda how: remove(selection, options["export"], how))


def count(selection: Selection) -> Counted:
    found = clearing.count(selection)
    groups = [
        {"org": env.org.slug, "env": env.slug, "definition": definition, "state": state.value, "count": how_many}
        for (env, definition, state), how_many in found.groups.most_common()
    ]
    return Counted(found.count, groups, found.sample)


def remove(selection: Selection, path: Path | None, how: Walk) -> Work:
    """Remove what is meant; with a path, what was written there and is still as it was written."""
    if path is None:
        return Work(clearing.remove(clearing.find(selection), how))
    try:
        written = export.write(clearing.find(selection), path)
    except OSError as error:
        raise CommandError(f"--export: {error}; nothing was removed", returncode=REFUSED) from None
    envs = {(env.org.slug, env.slug): env for env in selection.envs}
    tally = clearing.remove(export.read(path, written.offset, envs), how)
    return Work(tally, {"export": str(path.absolute()), "exported": written.count})
