"""flags: see and change how far each org is enrolled."""

import getpass
import json
from argparse import ArgumentTypeError
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.intake import rollout
from workflows.intake.rollout import Actor, RolloutRefused
from workflows.models import FlagChange, Organization, OrganizationFlags, RolloutMode

REFUSED = 1
LIMITS = {
    "limit": "passes per environment and window",
    "window_ms": "the window",
    "hold_ms": "how long a trip lasts",
    "org_limit": "passes of all its environments together in their window; 0 is no limit",
    "org_window_ms": "that window",
}
HISTORY = 50


def whole_or_default(text: str) -> int | None:
    """Read a whole number, or the word that gives a flag back to the settings."""
    if text == "default":
        return None
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is neither a whole number nor the word default") from None


class Command(BaseCommand):
    help = "See and change how far each org is enrolled. Every change is recorded with its reason and can be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="every org that is not off, or is paused")
        actions.add_parser("show", help="one org").add_argument("org", help="slug")
        change = actions.add_parser("set", help="change an org; what is not given stays")
        change.add_argument("org", help="slug")
        change.add_argument("mode", choices=RolloutMode.values)
        change.add_argument("--percent", type=int, help="share of its environments that is enrolled")
        for name, does in LIMITS.items():
            change.add_argument(
                f"--{name.replace('_', '-')}", type=whole_or_default, default=..., help=f"{does}, or: default"
            )
        change.add_argument("--weight", type=float, help="its share of the drainer")
        pausing = change.add_mutually_exclusive_group()
        pausing.add_argument("--pause", action="store_true", default=None, dest="paused", help="stop draining it")
        pausing.add_argument("--resume", action="store_false", default=None, dest="paused", help="drain it again")
        change.add_argument("--reason", required=True, help="why; kept in the history")
        actions.add_parser("history", help="the latest changes of an org").add_argument("org", help="slug")
        undo = actions.add_parser("undo", help="take the latest change of an org back")
        undo.add_argument("org", help="slug")
        undo.add_argument("--reason", required=True, help="why; kept in the history")
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {
            "list": self.listing,
            "show": self.show,
            "set": self.change,
            "history": self.history,
            "undo": self.undo,
        }
        try:
            actions[options["action"]](options)
        except RolloutRefused as error:
            raise CommandError(f"{error.code}: {error}", returncode=REFUSED) from None

    def listing(self, options: Mapping[str, Any]) -> None:
        flags = (
            OrganizationFlags.objects.exclude(mode=RolloutMode.OFF, paused=False)
            .select_related("org")
            .order_by("org__slug")
        )
        shown = [describe(each) for each in flags]
        if options["as_json"]:
            self.stdout.write(json.dumps({"orgs": shown}))
            return
        for each in shown:
            self.stdout.write(line(each))

    def show(self, options: Mapping[str, Any]) -> None:
        org = org_of(options)
        shown = describe(OrganizationFlags.objects.filter(org=org).first() or OrganizationFlags(org=org))
        self.stdout.write(json.dumps(shown) if options["as_json"] else line(shown))

    def change(self, options: Mapping[str, Any]) -> None:
        org = org_of(options)
        values = {name: options[name] for name in ("percent", "weight", "paused") if options[name] is not None}
        values |= {name: options[name] for name in LIMITS if options[name] is not ...}
        rollout.set_rollout(org.id, actor=actor(), reason=options["reason"], mode=options["mode"], **values)
        self.show(options)

    def history(self, options: Mapping[str, Any]) -> None:
        changes = FlagChange.objects.filter(org=org_of(options))[:HISTORY]
        shown = [
            {
                "id": change.pk,
                "at": change.created_at.isoformat(timespec="seconds"),
                "actor": change.actor_name,
                "reason": change.reason,
                "before": change.before,
                "after": change.after,
            }
            for change in changes
        ]
        if options["as_json"]:
            self.stdout.write(json.dumps({"changes": shown}))
            return
        for each in shown:
            step = f"{each['before']['mode']} -> {each['after']['mode']}"
            self.stdout.write(f"{each['id']}  {each['at']}  {each['actor']}  {step}  {each['reason']}")

    def undo(self, options: Mapping[str, Any]) -> None:
        org = org_of(options)
        latest = FlagChange.objects.filter(org=org).first()
        if latest is None:
            raise CommandError(f"{org.slug} has no change to undo", returncode=REFUSED)
        rollout.undo(latest, actor=actor(), reason=options["reason"])
        self.show(options)


def org_of(options: Mapping[str, Any]) -> Organization:
    org = Organization.objects.filter(slug=options["org"]).first()
    if org is None:
        raise CommandError(f"there is no org {options['org']!r}", returncode=REFUSED)
    return org


def actor() -> Actor:
    return Actor(f"command: {getpass.getuser()}")


def describe(flags: OrganizationFlags) -> dict[str, Any]:
    return {"org": flags.org.slug, **rollout.described(flags), "version": flags.version}


def line(shown: Mapping[str, Any]) -> str:
    own = [f"{name} {shown[name]}" for name in LIMITS if shown[name] is not None]
    own += ["paused"] if shown["paused"] else []
    return (
        f"{shown['org']}  {shown['mode']}  {shown['percent']} %  weight {shown['weight']:g}  {'  '.join(own)}".rstrip()
    )
