"""Secrets in the admin: kept, rotated, deleted with a reason; never shown."""

import pytest

from tests import people, tenants
from workflows import models, secrets
from workflows.models import SecretChange
from workflows.secrets import Author

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/workflows/secret/", "/admin/workflows/secret/add/"
VALUE = "sk_live_0123456789\n<second line>"


@pytest.fixture
def env():
    return tenants.make_env("acme")


def make(env, name="STRIPE_KEY"):
    return secrets.create(env.org_id, env.id, name, VALUE, author=Author("ada"), reason="go live")


def resolved(env, name="STRIPE_KEY"):
    return secrets.resolve(env.org_id, env.id, [name])[name].reveal()


def form(environment, **fields):
    value = VALUE.replace("\n", "\r\n")
    return {"name": "STRIPE_KEY", "env": str(environment.pk), "value": value, "reason": "go live", **fields}


def test_a_secret_is_kept_and_shown_nowhere(env) -> None:
    ada = people.ada()
    answers = [ada.get(ADD), ada.post(ADD, form(env), follow=True), ada.get(LIST)]
    answers.append(ada.get("/admin/workflows/secretchange/"))
    assert resolved(env) == VALUE
    shown = "".join(answer.content.decode() for answer in answers)
    assert "STRIPE_KEY" in shown
    assert "acme/production" in shown
    assert "sk_live" not in shown
    assert models.Secret.objects.get().ciphertext not in shown
    change = SecretChange.objects.get()
    assert (change.verb, change.actor_name, change.reason) == ("created", "ada", "go live")


def test_a_secret_of_the_whole_org_is_all_its_environments(env) -> None:
    people.ada().post(ADD, form(env, of_org="on"))
    staging = models.Environment.objects.create(org=env.org, slug="staging")
    assert resolved(staging).startswith("sk_live")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "a b"}, "A name is a letter"),
        ({"value": "short"}, "8 to 16,384 characters"),
        ({"reason": ""}, "This field is required"),
        ({"env": ""}, "This field is required"),
    ],
)
def test_a_form_with_errors_does_not_give_the_value_back(env, fields, told) -> None:
    answer = people.ada().post(ADD, form(env, **fields))
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert "sk_live" not in answer.content.decode()
    assert not models.Secret.objects.exists()


def test_a_name_that_is_taken_is_told_at_its_field(env) -> None:
    make(env)
    answer = people.ada().post(ADD, form(env))
    assert "rotate it instead" in answer.content.decode()


def test_a_secret_is_rotated_and_deleted_with_a_reason(env) -> None:
    row, ada = make(env), people.ada()
    rotate, forget = f"{LIST}{row.pk}/rotate/", f"{LIST}{row.pk}/forget/"
    assert "sk_live" not in ada.get(rotate).content.decode()
    assert ada.post(rotate, {"value": "another secret"}).status_code == 422
    ada.post(rotate, {"value": "another secret", "reason": "the laptop is lost"})
    assert resolved(env) == "another secret"
    assert ada.post(forget, {"reason": ""}).status_code == 422
    ada.post(forget, {"reason": "no longer used"})
    assert not models.Secret.objects.exists()
    assert list(SecretChange.objects.values_list("verb", "reason"))[:2] == [
        ("deleted", "no longer used"),
        ("rotated", "the laptop is lost"),
    ]
    assert ada.get(rotate).status_code == ada.get(forget).status_code == 404


def test_a_secret_is_never_looked_at(env) -> None:
    answer = people.ada().get(f"{LIST}{make(env).pk}/change/")
    assert answer["Location"] == LIST


def test_an_operator_neither_sees_nor_changes_secrets(env) -> None:
    row, oscar = make(env), people.oscar()
    answers = [oscar.get(LIST), oscar.get(ADD), oscar.get("/admin/workflows/secretchange/")]
    answers += [oscar.post(f"{LIST}{row.pk}/{verb}/", {"reason": "x", "value": VALUE}) for verb in ("rotate", "forget")]
    assert {answer.status_code for answer in answers} == {403}
    assert models.Secret.objects.exists()


def test_who_may_only_look_sees_the_verbs_disabled(env) -> None:
    make(env)
    nina = people.make("nina")
    nina.user_permissions.add(people.permission("view_secret"))
    shown = people.signed_in(nina).get(LIST).content.decode()
    assert "Needs the permissions to change and delete secrets" in shown
    assert "/rotate/" not in shown


def test_the_record_is_read_only(env) -> None:
    make(env)
    change = SecretChange.objects.get()
    ada = people.ada()
    assert ada.get("/admin/workflows/secretchange/add/").status_code == 403
    assert "go live" in ada.get(f"/admin/workflows/secretchange/{change.pk}/change/").content.decode()
