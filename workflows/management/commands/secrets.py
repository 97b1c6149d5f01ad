"""secrets: list, set and delete the tenants' secrets, and encrypt them under a new key."""

import json
import sys
from collections.abc import Mapping
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows import models, secrets, webhooks
from workflows.models import Environment, Organization
from workflows.secrets import Author, SecretRefused, SecretUnreadable

REFUSED = 1
SHOWN = 1_000
AUTHOR = Author("command")


class Command(BaseCommand):
    help = "List, set and delete secrets. A value is read from stdin, and never shown."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="show names, never values")
        listing.add_argument("--org", help="slug; only this org's")
        for action, does in (
            ("set", "keep a new secret, or rotate the one that is there; its value comes from stdin"),
            ("delete", "forget a secret"),
        ):
            each = actions.add_parser(action, help=does)
            each.add_argument("name")
            each.add_argument("--org", required=True, help="slug")
            each.add_argument("--env", help="slug; without it the secret is the whole org's")
            each.add_argument("--reason", required=True, help="kept with the change")
        actions.add_parser("encrypt-again", help="encrypt all under the first of WORKFLOWS_SECRET_KEYS")
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {"list": self.listing, "set": self.set, "delete": self.delete, "encrypt-again": self.encrypt_again}
        try:
            actions[options["action"]](options)
        except (SecretRefused, SecretUnreadable) as error:
            raise CommandError(str(error), returncode=REFUSED) from None

    def listing(self, options: Mapping[str, Any]) -> None:
        rows = models.Secret.objects.select_related("org", "env").order_by("org__slug", "name", "env__slug")
        if options["org"]:
            rows = rows.filter(org__slug=options["org"])
        shown = [describe(row) for row in rows[:SHOWN]]
        if options["as_json"]:
            self.stdout.write(json.dumps({"secrets": shown}))
            return
        for row in shown:
            self.stdout.write(
                f"{row['name']}  {row['org']}/{row['env'] or '*'}  {row['rotated_at'] or row['created_at']}"
            )

    def set(self, options: Mapping[str, Any]) -> None:
        org, env = find_place(options)
        value = getpass("Value: ") if sys.stdin.isatty() else sys.stdin.read().removesuffix("\n")
        row = find(org, env, options["name"])
        reason = options["reason"]
        if row is None:
            row = secrets.create(org.id, env.id if env else None, options["name"], value, author=AUTHOR, reason=reason)
        else:
            row = secrets.rotate(row.id, value, author=AUTHOR, reason=reason)
        self.say(options, describe(row), f"{row.name} is kept, encrypted")

    def delete(self, options: Mapping[str, Any]) -> None:
        org, env = find_place(options)
        row = find(org, env, options["name"])
        if row is None:
            raise CommandError(f"there is no secret {options['name']!r} there", returncode=REFUSED)
        secrets.delete(row.id, author=AUTHOR, reason=options["reason"])
        self.say(options, describe(row), f"{row.name} is deleted")

    def encrypt_again(self, options: Mapping[str, Any]) -> None:
        done = secrets.encrypt_again() + webhooks.encrypt_again()
        self.say(options, {"encrypted": done}, f"{done} encrypted under the first key")

    def say(self, options: Mapping[str, Any], described: dict[str, Any], words: str) -> None:
        self.stdout.write(json.dumps(described) if options["as_json"] else words)


def find_place(options: Mapping[str, Any]) -> tuple[Organization, Environment | None]:
    """Return the org, and the environment where one is named.

    Raises:
        CommandError: there is none of that slug.
    """
    org = Organization.objects.filter(slug=options["org"]).first()
    if org is None:
        raise CommandError(f"there is no organization {options['org']}", returncode=REFUSED)
    if options["env"] is None:
        return org, None
    env = Environment.objects.filter(org=org, slug=options["env"]).first()
    if env is None:
        raise CommandError(f"there is no environment {options['org']}/{options['env']}", returncode=REFUSED)
    return org, env


def find(org: Organization, env: Environment | None, name: str) -> models.Secret | None:
    return models.Secret.objects.select_related("org", "env").filter(org=org, env=env, name=name).first()


def describe(row: models.Secret) -> dict[str, Any]:
    """Return what may be shown of a secret."""
    return {
        "name": row.name,
        "org": row.org.slug,
        "env": row.env.slug if row.env else None,
        "created_at": row.created_at.isoformat(),
        "rotated_at": row.rotated_at.isoformat() if row.rotated_at else None,
    }
