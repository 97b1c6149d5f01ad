"""bindings: what events start, and what one would start."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.intake import bindings, emission, events, refresher
from workflows.intake.bindings import BindingRefused, Bound
from workflows.intake.emission import EventInvalid
from workflows.intake.events import Emitted
from workflows.lineage import Loop
from workflows.management import bulk

REFUSED = bulk.REFUSED
AT_ONCE = 500


class Command(BaseCommand):
    help = "Say which emitted events start which definition, and ask what one would start."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make one; one that is there stays as it is, switched off perhaps")
        create.add_argument("--event", required=True, metavar="PATTERN", help="order.created, or order.* for all below")
        create.add_argument("--definition", required=True, metavar="SLUG", help="what is started")
        create.add_argument("--condition", default="", help="over the payload, such as: payload.total > 100")
        create.add_argument("--loop-policy", choices=[loop.value for loop in Loop], default=Loop.AVOID_LOOP.value)
        create.add_argument("--limit", type=int, help="live instances of one type of event; 0 is no limit")
        create.add_argument("--window-seconds", type=int, help="how far back they are counted")
        listing = actions.add_parser("list", help="all, or those for an org or an environment")
        test = actions.add_parser("test", help="what would this event start? Nothing is written")
        test.add_argument("type", help="type of the event, such as order.created")
        test.add_argument("--payload", default="null", help="its payload as JSON")
        for each in (create, listing, test):
            each.add_argument("--org", required=each is test, help="slug; without one it is for everybody")
            each.add_argument("--env", required=each is test, help="slug of one of its environments")
        enable = actions.add_parser("enable", help="switch one on")
        disable = actions.add_parser("disable", help="switch one off, until somebody switches it on")
        for switch in (enable, disable):
            switch.add_argument("id", type=UUID)
        for each in (create, enable, disable):
            each.add_argument("--reason", default="", help="why; kept in the audit record")
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {"create": self.create, "list": self.listing, "test": self.test}
        try:
            actions.get(options["action"], self.switch)(options)
        except BindingRefused as error:
            raise CommandError(f"{error.code}: {error}", returncode=REFUSED) from None

    def create(self, options: Mapping[str, Any]) -> None:
        org = bulk.org_of(options["org"])
        env = bulk.env_of(org, options["env"])
        made = bindings.create(
            actor=bulk.actor(),
            reason=options["reason"],
            org=org,
            env=env,
            pattern=options["event"],
            definition=options["definition"],
            condition=options["condition"],
            loop_policy=options["loop_policy"],
            limit=options["limit"],
            window_seconds=options["window_seconds"],
        )
        shown = describe(made.bound) | {"new": made.new}
        self.show(shown, options, f"{line(shown)}  {'made' if made.new else 'was there'}")

    def listing(self, options: Mapping[str, Any]) -> None:
        org = bulk.org_of(options["org"])
        env = bulk.env_of(org, options["env"])
        found = sorted(each_of(org.id if org else None, env.id if env else None), key=lambda each: each.pattern)
        shown = [describe(each) for each in found]
        self.show({"bindings": shown}, options, "\n".join(map(line, shown)))

    def switch(self, options: Mapping[str, Any]) -> None:
        changed = bindings.change(
            options["id"], actor=bulk.actor(), reason=options["reason"], enabled=options["action"] == "enable"
        )
        if changed is None:
            raise CommandError(f"there is no binding {options['id']}", returncode=REFUSED)
        shown = describe(changed)
        self.show(shown, options, line(shown))

    def test(self, options: Mapping[str, Any]) -> None:
        env = bulk.env_of(bulk.org_of(options["org"]), options["env"])
        if env is None:
            raise CommandError("--env: name the environment of the event", returncode=REFUSED)
        refresher.refresh()
        payload = options["payload"].encode()
        emitted = Emitted(UUID(str(env.org_id)), env.id, options["type"], payload, key="test")
        try:
            json.loads(payload)
            emission.check(emitted)
        except (ValueError, EventInvalid) as error:
            raise CommandError(f"that is no event: {error}", returncode=REFUSED) from None
        found = [
            describe(each.bound) | {"starts": not each.why, "reason": each.why or None}
            for each in events.explain(emitted)
        ]
        lines = [f"{line(each)}  {'starts' if each['starts'] else each['reason']}" for each in found]
        self.show({"matches": found}, options, "\n".join(lines) or "no binding matches")

    def show(self, shown: Mapping[str, Any], options: Mapping[str, Any], said: str) -> None:
        text = json.dumps(shown) if options["as_json"] else said
        if text:
            self.stdout.write(text)


def describe(bound: Bound) -> dict[str, Any]:
    return {
        "id": str(bound.id),
        "org_id": str(bound.org_id) if bound.org_id else None,
        "env_id": str(bound.env_id) if bound.env_id else None,
        "event": bound.pattern,
        "definition": bound.definition,
        "condition": bound.condition,
        "loop_policy": bound.loop.value,
        "enabled": bound.enabled,
        "limit": bound.limit,
        "window_seconds": bound.window_seconds,
    }


def line(shown: Mapping[str, Any]) -> str:
    state = "on" if shown["enabled"] else "off"
    where = f"  where {shown['condition']}" if shown["condition"] else ""
    return f"{shown['id']}  {state}  {shown['event']} -> {shown['definition']}{where}"


def each_of(org_id: UUID | None, env_id: UUID | None) -> Iterator[Bound]:
    """Yield the bindings page by page."""
    cursor: UUID | None = None
    while True:
        page = bindings.listing(org_id, env_id, cursor, AT_ONCE)
        yield from page.data
        cursor = page.next_cursor
        if cursor is None:
            return
