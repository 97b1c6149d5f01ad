"""apikey: make, list, revoke and rotate the keys of the API."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Q

from workflows.management import bulk
from workflows.models import ApiKey, Environment
from workflows.scopes import DEFAULT_SCOPES, EVERY_SCOPE

REFUSED = 1
# Characters of what people call a key.
NAME = 50


class Command(BaseCommand):
    help = "Make, list, revoke and rotate API keys. A key is shown once, when it is made."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a key of one environment")
        create.add_argument("--org", required=True, help="slug")
        create.add_argument("--env", required=True, help="slug")
        create.add_argument("--name", default="command", help="what people call it (%(default)s)")
        create.add_argument(
            "--scopes", nargs="+", choices=EVERY_SCOPE, default=DEFAULT_SCOPES, help="default: %(default)s"
        )
        listing = actions.add_parser("list", help="show keys without their secrets")
        listing.add_argument("--org", help="slug; only this org's keys")
        for action, does in (("revoke", "refuse a key from now on"), ("rotate", "make a new key and revoke the old")):
            actions.add_parser(action, help=does).add_argument(
                "prefix", metavar="KEY", help="its prefix, which is the part between mo_ and the secret, or its id"
            )
        for each in actions.choices.values():
            each.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        actions = {"create": self.create, "list": self.listing, "revoke": self.revoke, "rotate": self.rotate}
        actions[options["action"]](options)

    def create(self, options: Mapping[str, Any]) -> None:
        env = Environment.objects.filter(org__slug=options["org"], slug=options["env"]).first()
        if env is None:
            raise CommandError(f"there is no environment {options['org']}/{options['env']}", returncode=REFUSED)
        if not 1 <= len(options["name"].strip()) <= NAME:
            raise CommandError(f"--name: give it 1 to {NAME} characters", returncode=REFUSED)
        key, secret = ApiKey.objects.create_key(name=options["name"].strip(), env=env, scopes=options["scopes"])
        self.show_once(key, secret, options)

    def listing(self, options: Mapping[str, Any]) -> None:
        bulk.org_of(options["org"])
        keys = ApiKey.objects.select_related("env__org").order_by("env__org__slug", "env__slug", "created")
        shown = [describe(key) for key in (keys.filter(env__org__slug=options["org"]) if options["org"] else keys)]
        if options["as_json"]:
            self.stdout.write(json.dumps({"keys": shown}))
            return
        for key in shown:
            state = "revoked" if key["revoked"] else " ".join(key["scopes"])
            self.stdout.write(f"{key['prefix']}  {key['org']}/{key['env']}  {key['name']}  {state}")

    def revoke(self, options: Mapping[str, Any]) -> None:
        key = self.find(options["prefix"])
        key.revoked = True
        key.save()
        self.stdout.write(json.dumps(describe(key)) if options["as_json"] else f"{key.prefix} is revoked")

    def rotate(self, options: Mapping[str, Any]) -> None:
        old = self.find(options["prefix"])
        with transaction.atomic():
            key, secret = ApiKey.objects.create_key(
                name=old.name, env=old.env, scopes=old.scopes, expiry_date=old.expiry_date
            )
            old.revoked = True
            old.save()
        self.show_once(key, secret, options)

    def find(self, prefix: str) -> ApiKey:
        named = Q(prefix=prefix) | Q(pk=prefix)
        key: ApiKey | None = ApiKey.objects.select_related("env__org").filter(named, revoked=False).first()
        if key is None:
            raise CommandError(f"there is no key {prefix!r} that is not revoked", returncode=REFUSED)
        return key

    def show_once(self, key: Any, secret: str, options: Mapping[str, Any]) -> None:
        if options["as_json"]:
            self.stdout.write(json.dumps({**describe(key), "key": secret}))
        else:
            self.stderr.write("Keep it; it is not shown again.")
            self.stdout.write(secret)


def describe(key: Any) -> dict[str, Any]:
    """Return what may be shown of a key at any time."""
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "org": key.env.org.slug,
        "env": key.env.slug,
        "scopes": list(key.scopes),
        "revoked": key.revoked,
        "expires_at": key.expiry_date.isoformat() if key.expiry_date else None,
    }
