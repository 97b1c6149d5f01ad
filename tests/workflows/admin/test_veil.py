"""What is covered before anybody sees it."""

import json

import pytest
from uuid_utils.compat import uuid7

from tests import tenants
from workflows import models, secrets
from workflows.admin import veil
from workflows.admin.veil import Veil
from workflows.masking import MASK
from workflows.redaction import Redactor, Secret
from workflows.secrets import Author

OPEN = Veil(Redactor())
ADA = Author("ada")


def keep(environment, value: str, *, of_org: bool = False) -> None:
    env_id = None if of_org else environment.id
    secrets.create(environment.org_id, env_id, "STRIPE_KEY", value, author=ADA, reason="a test")


def test_json_is_shown_indented_with_names_of_secrets_covered() -> None:
    shown = OPEN.json(b'{"name":"\xc3\x85sa","password":"hunter2"}')
    assert json.loads(shown) == {"name": "Åsa", "password": MASK}
    assert shown.splitlines()[1] == '  "name": "Åsa",'


def test_very_long_data_is_cut_and_says_so() -> None:
    shown = OPEN.json('["' + "x" * 50_000 + '"]')
    assert len(shown) < 21_000
    assert "more characters" in shown


def test_what_is_nested_too_deep_is_not_shown() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    assert OPEN.json(deep) == OPEN.value(deep) == "Nested too deep to be shown."


@pytest.mark.django_db
def test_known_secrets_are_covered_wherever_they_stand() -> None:
    environment = tenants.make_env("acme")
    keep(environment, "sk-live-of-the-env")
    keep(environment, "sk-live-of-the-org", of_org=True)
    cover = veil.of(environment.org_id, environment.id)
    shown = cover.json('{"note": "use sk-live-of-the-env or sk-live-of-the-org"}')
    assert json.loads(shown) == {"note": "use [secret STRIPE_KEY] or [secret STRIPE_KEY]"}
    assert cover.text("no such key: sk-live-of-the-env") == "no such key: [secret STRIPE_KEY]"


@pytest.mark.django_db
def test_others_are_covered_too_and_without_secrets_nothing_is() -> None:
    environment = tenants.make_env("acme")
    cover = veil.of(environment.org_id, environment.id, [Secret("abcdefgh-token", "token of hook x")])
    assert cover.text("at abcdefgh-token") == "at [secret token of hook x]"
    assert veil.of(uuid7(), uuid7()).text("at abcdefgh-token") == "at abcdefgh-token"


@pytest.mark.django_db
def test_while_a_secret_cannot_be_read_nothing_is_shown() -> None:
    environment = tenants.make_env("acme")
    keep(environment, "sk-live-of-the-env")
    models.Secret.objects.update(ciphertext="damaged")
    cover = veil.of(environment.org_id, environment.id)
    assert "STRIPE_KEY" in cover.json('{"a": "sk-live-of-the-env"}')
    assert "sk-live" not in cover.json('{"a": "sk-live-of-the-env"}') + cover.text("sk-live-of-the-env")
