"""The secrets command."""

import io
import json

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.tenants import make_env
from workflows import models, secrets, webhooks
from workflows.audit import Actor

pytestmark = pytest.mark.django_db
VALUE = "sk_live_0123456789"
WHERE = ("--org", "acme", "--env", "production")


@pytest.fixture
def env():
    return make_env()


@pytest.fixture
def run(capsys, monkeypatch):
    def run_(*arguments, given=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        call_command("secrets", *arguments)
        return capsys.readouterr().out

    return run_


def resolved(env):
    return secrets.resolve(env.org_id, env.id, ["KEY"])["KEY"].reveal()


def test_a_value_comes_from_stdin_and_is_rotated_the_second_time(env, run) -> None:
    shown = run("set", "KEY", *WHERE, "--reason", "go live", "--json", given=f"{VALUE}\n")
    assert (json.loads(shown)["name"], resolved(env)) == ("KEY", VALUE)
    shown += run("set", "KEY", *WHERE, "--reason", "lost", given="another secret")
    assert resolved(env) == "another secret"
    assert list(models.SecretChange.objects.values_list("verb", "actor_name")) == [
        ("rotated", "command"),
        ("created", "command"),
    ]
    assert VALUE not in shown


def test_an_orgs_secret_stands_beside_its_environments(env, run) -> None:
    run("set", "KEY", "--org", "acme", "--reason", "r", given=VALUE)
    run("set", "KEY", *WHERE, "--reason", "r", given="another secret")
    listed = json.loads(run("list", "--org", "acme", "--json"))["secrets"]
    assert [(row["name"], row["env"]) for row in listed] == [("KEY", "production"), ("KEY", None)]
    shown = run("list")
    assert "KEY  acme/*" in shown
    assert VALUE not in shown
    run("delete", "KEY", *WHERE, "--reason", "r")
    assert resolved(env) == VALUE


def test_all_are_encrypted_again_under_the_first_key(env, run, settings) -> None:
    run("set", "KEY", *WHERE, "--reason", "r", given=VALUE)
    before = models.Secret.objects.get().ciphertext
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": Fernet.generate_key().decode()}
    assert json.loads(run("encrypt-again", "--json")) == {"encrypted": 1}
    assert models.Secret.objects.get().ciphertext != before
    assert resolved(env) == VALUE


@pytest.mark.parametrize(
    "arguments",
    [
        ("set", "KEY", "--org", "nobody", "--reason", "r"),
        ("set", "KEY", "--org", "acme", "--env", "nowhere", "--reason", "r"),
        ("set", "a b", *WHERE, "--reason", "r"),
        ("set", "KEY", *WHERE, "--reason", " "),
        ("delete", "KEY", *WHERE, "--reason", "r"),
    ],
)
def test_what_can_not_be_done_is_refused(env, run, arguments) -> None:
    with pytest.raises(CommandError) as refused:
        run(*arguments, given=VALUE)
    assert refused.value.returncode == 1
    assert VALUE not in str(refused.value)


def test_without_the_key_nothing_is_encrypted_again(env, run, settings) -> None:
    run("set", "KEY", *WHERE, "--reason", "r", given=VALUE)
    settings.SECRET_KEY = "another one"
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": Fernet.generate_key().decode()}
    with pytest.raises(CommandError, match="WORKFLOWS_SECRET_KEYS"):
        run("encrypt-again")


def test_the_secrets_of_webhooks_are_encrypted_again_too(run, settings) -> None:
    made = webhooks.create(None, "https://hooks.example/", ["storm.opened"], actor=Actor("ada"), reason="a test")
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SECRET_KEYS": Fernet.generate_key().decode()}
    assert json.loads(run("encrypt-again", "--json")) == {"encrypted": 1}
    settings.SECRET_KEY = "another"
    assert webhooks.reveal(models.Webhook.objects.get(), timezone.now()) == [made.secret]
