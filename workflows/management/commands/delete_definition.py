"""delete_definition: cancel and delete all instances of a definition that is switched off, and what was set of it."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError, CommandParser

from workflows.audit import Act
from workflows.intake import deletion
from workflows.intake.deletion import Active, Unknown
from workflows.management import bulk
from workflows.management.bulk import REFUSED, BulkCommand, Counted, Plan

DEFAULT_REASON = "Its definition was deleted"


class Command(BulkCommand):
    help = "Cancel and delete every instance of a definition, with its events. A dry run by default."
    verb = "delete_definition"
    things = "instances"
    happens = "deleted"

    def add_filters(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="the definition; it must be switched off")

    def plan(self, options: Mapping[str, Any]) -> Plan:
        slug, reason, batch = options["slug"], options["reason"] or DEFAULT_REASON, options["batch_size"]
        match deletion.refusal(slug):
            case Active():
                detail = f"{slug} is active: switch it off under Definitions first, then wait two seconds"
                raise CommandError(detail, returncode=REFUSED)
            case Unknown():
                raise CommandError(f"there is no definition {slug!r}, and no instance of one", returncode=REFUSED)
            case None:
                pass
        who = bulk.actor()
        act = Act(verb=self.verb, actor=who, reason=reason, filter={"definition": slug}, target=slug)
        return Plan(
            act, lambda: count(slug), lambda how: deletion.delete(slug, reason, actor=who.name, how=how, batch=batch)
        )


def count(slug: str) -> Counted:
    found = deletion.count(slug)
    groups = [
        {"what": what, "count": how_many}
        for what, how_many in (
            ("buffered", found.buffered),
            ("unfinished", found.unfinished),
            ("finished", found.finished),
        )
    ]
    kept = [{"what": "schedules that name it, and stay", "count": found.schedules}] if found.schedules else []
    return Counted(found.count, [*groups, *kept])
