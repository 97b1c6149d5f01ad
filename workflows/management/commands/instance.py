"""instance: look at one instance, buffered or not, cancel it, and try this process's code over its log."""

import getpass
import json
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from workflows import agreement, eventlog, registry, spans
from workflows.agreement import Agrees, Diverges
from workflows.fence import StoredEvent
from workflows.identity import Identity
from workflows.intake import ancestry, control, hooks, lookup, outside, refresher
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.refresher import DirectoryUnavailable
from workflows.intake.view import InstanceView
from workflows.models import Instance
from workflows.states import Status

REFUSED = 1
DEFAULT_REASON = "Cancelled by instance cancel"
EVENTS = 1_000
SHORT = 100
# Instances of its tree that are looked at.
FAMILY = 500


class Command(BaseCommand):
    help = "Show an instance with the timeline of its log, cancel it, or try the code of this process over its log."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        show = actions.add_parser("show", help="what it is and what happened to it")
        show.add_argument("--last", type=at_least_one, default=EVENTS, help="events of its log (%(default)s)")
        cancel = actions.add_parser("cancel", help="end it; a step that runs goes on, its outcome is refused")
        cancel.add_argument("--reason", default=DEFAULT_REASON, type=unicode_text, help="why; kept in its log")
        cancel.add_argument("--expected-seq", type=int, help="only if its log ends with this number; 0: buffered")
        cancel.set_defaults(last=EVENTS)
        actions.add_parser("replay", help="say whether the code here agrees with its log; writes nothing")
        for each in actions.choices.values():
            each.add_argument("id", type=UUID)
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {"show": self.show, "cancel": self.cancel, "replay": self.replay}
        try:
            env = find_env(options["id"])
            actions[options["action"]](env, options)
        except LookupUnavailable:
            raise CommandError("it is no row, and the buffer does not answer", returncode=REFUSED) from None
        except (DirectoryUnavailable, OperationalError, InterfaceError):
            raise CommandError("the database does not answer", returncode=REFUSED) from None

    def cancel(self, env: Env, options: Mapping[str, Any]) -> None:
        at = control.At(seq=options["expected_seq"])
        outcome = control.cancel(env, options["id"], options["reason"], actor=actor(), at=at)
        match outcome:
            case control.AlreadyFinished(status):
                raise CommandError(f"it is {status} already", returncode=REFUSED)
            case control.FenceConflict(expected, current):
                raise CommandError(f"its log ends with {current} now, not with {expected}", returncode=REFUSED)
            case control.NotFound():
                raise nowhere(options["id"])
            case control.Cancelled() | control.CancelledInBuffer():
                self.show(env, options)

    def show(self, env: Env, options: Mapping[str, Any]) -> None:
        found = find(env, options["id"])
        events = timeline(found)
        shown = describe(found) | {"lineage": lineage(env, found), "events": events[-options["last"] :]}
        if options["as_json"]:
            self.stdout.write(json.dumps(shown))
            return
        for line in head(options["id"], found, shown):
            self.stdout.write(line)
        if len(events) > options["last"]:
            self.stdout.write(f"{len(events) - options['last']:,} earlier events; --last says how many are shown")
        for event in shown["events"]:
            self.stdout.write(line_of(event))

    def replay(self, env: Env, options: Mapping[str, Any]) -> None:
        found = find(env, options["id"])
        if not found.last_seq:
            raise CommandError("it is buffered, and has no log yet", returncode=REFUSED)
        outside.learn([(found.definition, found.version)])
        registered = registry.get(found.definition, found.version)
        if registered is None:
            told = f"{found.definition} version {found.version} is not registered here"
            raise CommandError(f"definition_absent: {told}", returncode=REFUSED)
        named = (found.definition, found.version, found.root_id, found.depth)
        identity = Identity(found.id, found.org_id, found.env_id, *named)
        verdict = agreement.of(registered.function, identity, eventlog.read(found.id))
        if options["as_json"]:
            self.stdout.write(json.dumps({"id": str(found.id), **judged(verdict)}))
        elif isinstance(verdict, Agrees):
            self.stdout.write(agreed(verdict))
        if isinstance(verdict, Diverges):
            told = f"diverges at {verdict.seq}: the log has {verdict.log}, the code {verdict.code}"
            raise CommandError(told, returncode=REFUSED)


def find_env(id_: UUID) -> Env:
    """Return the environment of an instance; one that is buffered is looked for in each environment."""
    envs = refresher.current().envs
    row = Instance.objects.filter(id=id_).values_list("env_id", flat=True).first()
    if row is not None:
        found = envs.get(row) or refresher.refresh().envs.get(row)
    else:
        found = next((env for env in envs.values() if lookup.find(env, id_)), None)
    if found is None:
        raise nowhere(id_)
    return found


def find(env: Env, id_: UUID) -> InstanceView:
    found = lookup.find(env, id_)
    if found is None:
        raise nowhere(id_)
    return hooks.attach(found)


def nowhere(id_: UUID) -> CommandError:
    return CommandError(f"there is no instance {id_}", returncode=REFUSED)


def actor() -> str:
    return f"command: {getpass.getuser()}"


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def unicode_text(text: str) -> str:
    """Refuse what the terminal sent in another encoding."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError("it is not UTF-8; write it again") from None
    return text


def timeline(found: InstanceView) -> list[dict[str, Any]]:
    """Return every event with the time since the first, and how long what it ends took."""
    events: Sequence[StoredEvent] = eventlog.read(found.id) if found.last_seq else ()
    took = spans.of(events)
    return [
        {
            "seq": event.seq,
            "type": event.type,
            "correlation_id": event.correlation_id,
            "data": event.value(),
            "created_at": event.at.isoformat(),
            "since_seconds": round((event.at - events[0].at).total_seconds(), 6),
            "took_seconds": round(took[event.seq], 6) if event.seq in took else None,
        }
        for event in events
    ]


def lineage(env: Env, found: InstanceView) -> dict[str, Any]:
    """Return where it stands among those that started one another: its root, its parent, its children, and the tree."""
    tree = ancestry.tree(env, found.id, FAMILY) or []
    known = {each.id: each for each in tree}
    return {
        "root": relative(found.root_id, known) if found.root_id != found.id else None,
        "parent": relative(found.parent_id, known) if found.parent_id else None,
        "children": [relative(each.id, known) for each in tree if each.parent_id == found.id],
        "tree": [relative(each.id, known) for each in tree],
        "more": len(tree) == FAMILY,
    }


def relative(id_: UUID, known: Mapping[UUID, InstanceView]) -> dict[str, Any]:
    """Return one of a family; one of another environment, or that was cleaned up, has only its id."""
    found = known.get(id_)
    return {
        "id": str(id_),
        "definition": found.definition if found else None,
        "status": str(found.status) if found else None,
        "depth": found.depth if found else None,
    }


def describe(found: InstanceView) -> dict[str, Any]:
    """Return what people look at first."""
    moments = ("accepted_at", "run_after", "created_at", "started_at", "finished_at")
    said = {"error": found.error, "notice": found.notice}
    return (
        {
            "id": str(found.id),
            "definition": found.definition,
            "version": found.version,
            "status": found.status,
            "org": found.org,
            "env": found.env,
            "tags": list(found.tags),
            "payload": json.loads(found.payload),
            "output": json.loads(found.output),
            "shard": found.shard,
            "last_seq": found.last_seq,
            "root_id": str(found.root_id),
            "parent_id": str(found.parent_id) if found.parent_id else None,
            "depth": found.depth,
            "cause": str(found.cause) if found.cause else None,
            "event": {"type": found.event_type, "key": found.event_key} if found.event_type else None,
            "hooks": [{"name": hook.name, "token": hook.token} for hook in found.hooks],
        }
        | {name: {"code": each.code, "message": each.message} if each else None for name, each in said.items()}
        | {name: at.isoformat() if (at := getattr(found, name)) else None for name in moments}
    )


def head(asked: UUID, found: InstanceView, shown: Mapping[str, Any]) -> list[str]:
    """Return the lines above the timeline; one for each thing that there is."""
    family = shown["lineage"]
    lines = [
        f"{found.id}  {found.org}/{found.env}  {found.definition} v{found.version}  {found.status}  shard {found.shard}"
    ]
    lines += [f"{asked} is superseded by it: both have one idempotency key"] if asked != found.id else []
    lines += [f"{said['code']}: {said['message']}" for name in ("error", "notice") if (said := shown[name])]
    lines += [f"payload   {short(shown['payload'])}"]
    lines += [f"output    {short(shown['output'])}"] if found.status == Status.COMPLETED else []
    lines += [f"hook      {hook['name']}  {hook['token']}" for hook in shown["hooks"]]
    lines += [f"{name:<9} {kin(family[name])}" for name in ("root", "parent") if family[name]]
    lines += [f"child     {kin(each)}" for each in family["children"]]
    lines += [f"from      {shown['event']['type']} {shown['event']['key']}"] if shown["event"] else []
    return lines + ([f"more than {FAMILY} in its tree"] if family["more"] else [])


def kin(shown: Mapping[str, Any]) -> str:
    return f"{shown['id']}  {shown['definition'] or 'not to be found here'}  {shown['status'] or ''}".rstrip()


def line_of(event: Mapping[str, Any]) -> str:
    took = "" if event["took_seconds"] is None else f"{event['took_seconds']:.3f} s"
    data = short(event["data"]) if event["data"] else ""
    start = f"{event['seq']:>5}  {event['since_seconds']:>10.3f} s  {event['type']:<15}  {event['correlation_id']:<30}"
    return f"{start}  {took:>10}  {data}".rstrip()


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def judged(verdict: Agrees | Diverges) -> dict[str, Any]:
    match verdict:
        case Agrees(seq, awaits, ends):
            return {"outcome": "agrees", "seq": seq, "awaits": list(awaits), "ends": ends}
        case Diverges(seq, log, code):
            return {"outcome": "diverges", "seq": seq, "log": log, "code": code}


def agreed(verdict: Agrees) -> str:
    """Say where the log and the code stand together."""
    awaited = ", ".join(verdict.awaits) or "nothing"
    return f"agrees up to {verdict.seq}; {verdict.ends or f'awaits {awaited}'}"
