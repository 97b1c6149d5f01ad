"""seed_demo: make the org, the user and the keys that the tour uses, where they are missing."""

import json
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from workflows.models import ApiKey, Environment, Organization
from workflows.scopes import EVERY_SCOPE

ORG = "demo"
ENVIRONMENTS = ("production", "staging")
USERNAME = "admin"
KEY_NAME = "demo"


class Command(BaseCommand):
    help = (
        "Make the org `demo` with its environments and keys, and the user `admin`, where they are missing. "
        "Prints one JSON object; a secret that was made before can't be told again and is null."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object is printed in any case")

    def handle(self, **_options: Any) -> None:
        with transaction.atomic():
            org, _ = Organization.objects.get_or_create(slug=ORG, defaults={"name": "Demo"})
            keys = {}
            for slug in ENVIRONMENTS:
                env, _ = Environment.objects.get_or_create(org=org, slug=slug)
                keys[f"api_key_{slug}"] = make_key(env)
            password = make_admin()
        self.stdout.write(
            json.dumps({"admin_user": USERNAME, "admin_password": password, "org": ORG, **keys}, indent=1)
        )


def make_key(env: Environment) -> str | None:
    """Return the key of an environment when it was made now."""
    if env.api_keys.filter(revoked=False, name=KEY_NAME).exists():
        return None
    _, secret = ApiKey.objects.create_key(name=KEY_NAME, env=env, scopes=EVERY_SCOPE)
    return str(secret)


def make_admin() -> str | None:
    """Return the password of the admin user when it was made now."""
    users = get_user_model().objects
    if users.filter(username=USERNAME).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(USERNAME, password=password)
    return password
