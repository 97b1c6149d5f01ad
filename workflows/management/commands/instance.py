"""instance: look at one instance, buffered or not, and cancel it."""

import getpass
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows import engine
from workflows.intake import ancestry, control, lookup, refresher
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.view import InstanceView
from workflows.models import Instance

REFUSED = 1
EVENTS = 1_000
# Instances of its tree that are shown.
FAMILY = 100


class Command(BaseCommand):
    help = "Show an instance with the timeline of its log, or cancel it."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        show = actions.add_parser("show", help="what it is and what happened to it")
        cancel = actions.add_parser("cancel", help="end it; a step that runs goes on, its outcome is refused")
        cancel.add_argument("--reason", required=True, help="why; kept in its log")
        for each in (show, cancel):
            each.add_argument("id", type=UUID)
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        try:
            env = find_env(options["id"])
            if env is None:
                raise CommandError(f"there is no instance {options['id']}", returncode=REFUSED)
            if options["action"] == "cancel":
                self.cancel(env, options)
            self.show(env, options)
        except LookupUnavailable:
            raise CommandError("it is no row, and the buffer does not answer", returncode=REFUSED) from None

    def cancel(self, env: Env, options: Mapping[str, Any]) -> None:
        outcome = control.cancel(env, options["id"], options["reason"], actor=f"command: {getpass.getuser()}")
        if isinstance(outcome, engine.AlreadyFinished):
            raise CommandError(f"it is {outcome.status} already", returncode=REFUSED)

    def show(self, env: Env, options: Mapping[str, Any]) -> None:
        found, log = lookup.find(env, options["id"]), lookup.read_log(env, options["id"], limit=EVENTS)
        if found is None or log is None:
            raise CommandError(f"there is no instance {options['id']}", returncode=REFUSED)
        events = [
            {
                "seq": event.seq,
                "type": event.type,
                "correlation_id": event.correlation_id,
                "data": event.value(),
                "created_at": event.at.isoformat(),
            }
            for event in log.events
        ]
        family = ancestry.tree(env, found.id, FAMILY) or []
        if options["as_json"]:
            tree = [{"id": str(each.id), "parent_id": named(each.parent_id), **brief(each)} for each in family]
            self.stdout.write(json.dumps({**describe(found), "tree": tree, "events": events}))
            return
        self.stdout.write(f"{found.id}  {found.org}/{found.env}  {found.definition} v{found.version}  {found.status}")
        if said := found.error or found.notice:
            self.stdout.write(f"{said.code}: {said.message}")
        if found.event_type:
            self.stdout.write(f"from {found.event_type} {found.event_key}, caused by {found.cause or 'nothing known'}")
        for each in family if len(family) > 1 else ():
            mark = "*" if each.id == found.id else " "
            self.stdout.write(f"{mark} {'  ' * each.depth}{each.id}  {each.definition}  {each.status}")
        for event in events:
            self.stdout.write(f"{event['seq']:>5}  {event['created_at']}  {event['type']}  {event['correlation_id']}")


def find_env(id_: UUID) -> Env | None:
    """Return the environment of an instance; one that is buffered is looked for in each environment."""
    envs = refresher.current().envs
    row = Instance.objects.filter(id=id_).values_list("env_id", flat=True).first()
    if row is not None:
        return envs.get(row)
    return next((env for env in envs.values() if lookup.find(env, id_)), None)


def describe(found: InstanceView) -> dict[str, Any]:
    """Return what people look at first."""
    return {
        "id": str(found.id),
        "definition": found.definition,
        "version": found.version,
        "status": found.status,
        "org": found.org,
        "env": found.env,
        "tags": list(found.tags),
        "payload": json.loads(found.payload),
        "output": json.loads(found.output),
        "error": {"code": found.error.code, "message": found.error.message} if found.error else None,
        "shard": found.shard,
        "root_id": str(found.root_id),
        "parent_id": named(found.parent_id),
        "depth": found.depth,
        "cause": named(found.cause),
        "event": {"type": found.event_type, "key": found.event_key} if found.event_type else None,
        "accepted_at": found.accepted_at.isoformat(),
        "finished_at": found.finished_at.isoformat() if found.finished_at else None,
    }


def brief(found: InstanceView) -> dict[str, Any]:
    return {"depth": found.depth, "definition": found.definition, "status": found.status}


def named(id_: UUID | None) -> str | None:
    return str(id_) if id_ else None
