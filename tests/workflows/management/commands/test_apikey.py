"""The apikey command."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests.tenants import make_env
from workflows.models import ApiKey

pytestmark = pytest.mark.django_db


def known(secret: str) -> ApiKey:
    """Return the key that this secret opens."""
    key = ApiKey.objects.get(prefix=secret.split("_")[1])
    assert ApiKey.objects.key_generator.verify(secret, key.hashed_key)
    return key


def run(capsys, *arguments) -> str:
    call_command("apikey", *arguments)
    return capsys.readouterr().out


def create(capsys, *arguments) -> dict:
    return json.loads(run(capsys, "create", "--org", "acme", "--env", "production", "--json", *arguments))


def test_a_key_is_made_shown_once_and_works(capsys):
    env = make_env()
    made = create(capsys)
    key = known(made["key"])
    assert (key.id, key.env, key.prefix) == (made["id"], env, made["prefix"])
    assert made["key"].startswith(f"mo_{key.prefix}_")
    assert made["scopes"] == ["trigger:write", "instances:read", "instances:write", "buffer:manage"]
    assert made["key"] not in run(capsys, "list", "--json")


def test_without_json_only_the_key_goes_to_stdout(capsys):
    make_env()
    printed = run(capsys, "create", "--org", "acme", "--env", "production", "--scopes", "metrics:read").strip()
    assert known(printed).scopes == ["metrics:read"]


def test_keys_are_listed_by_org(capsys):
    make_env("acme", "production")
    other = make_env("other", "production")
    create(capsys)
    ApiKey.objects.create_key(name="theirs", env=other)
    assert [key["org"] for key in json.loads(run(capsys, "list", "--json"))["keys"]] == ["acme", "other"]
    assert [key["name"] for key in json.loads(run(capsys, "list", "--org", "other", "--json"))["keys"]] == ["theirs"]
    assert "acme/production" in run(capsys, "list")


def test_a_revoked_key_is_refused(capsys):
    make_env()
    made = create(capsys)
    assert json.loads(run(capsys, "revoke", made["prefix"], "--json"))["revoked"]
    assert known(made["key"]).revoked
    assert "revoked" in run(capsys, "list")
    with pytest.raises(CommandError) as caught:
        run(capsys, "revoke", made["prefix"])
    assert caught.value.returncode == 1


def test_a_rotated_key_is_another_with_the_same_rights(capsys):
    make_env()
    old = create(capsys, "--scopes", "trigger:write", "flags:write", "--name", "ci")
    new = json.loads(run(capsys, "rotate", old["prefix"], "--json"))
    assert known(old["key"]).revoked
    assert not known(new["key"]).revoked
    assert (new["scopes"], new["name"], new["env"]) == (old["scopes"], "ci", "production")


def test_an_unknown_environment_is_refused(capsys):
    with pytest.raises(CommandError) as caught:
        create(capsys)
    assert caught.value.returncode == 1


def test_a_key_is_named_by_its_id_too(capsys):
    make_env("acme", "production")
    made = create(capsys)
    assert json.loads(run(capsys, "revoke", made["id"], "--json"))["revoked"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "--org", "acme", "--env", "production", "--name", "x" * 51), "--name: give it 1 to 50 characters"),
        (("create", "--org", "acme", "--env", "production", "--name", " "), "--name: give it 1 to 50 characters"),
        (("list", "--org", "nobody"), "there is no org 'nobody'"),
    ],
)
def test_what_can_not_be_is_refused_with_its_argument(arguments, said):
    make_env("acme", "production")
    with pytest.raises(CommandError, match=said) as caught:
        call_command("apikey", *arguments)
    assert caught.value.returncode == 1
