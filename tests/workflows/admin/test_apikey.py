"""API keys: made, shown once, revoked."""

import re

import pytest

from tests import people, tenants
from workflows.models import ApiKey, AuditRecord, Environment

pytestmark = pytest.mark.django_db
ADD = "/admin/workflows/apikey/add/"


def make_key(environment: Environment, name: str = "checkout") -> ApiKey:
    made, _ = ApiKey.objects.create_key(name=name, env=environment)
    return made


def test_a_key_is_shown_once_and_kept_as_its_hash() -> None:
    environment = tenants.make_env("acme")
    client = people.ada()
    form = {"name": "checkout", "env": str(environment.pk), "scopes": ["trigger:write"], "reason": "a new shop"}
    answer = client.post(ADD, form)
    key = re.search(r"mo_[\w]+_[\w]+", answer.content.decode()).group()
    made = ApiKey.objects.get()
    assert ApiKey.objects.key_generator.verify(key, made.hashed_key)
    assert key not in made.hashed_key
    assert (made.env, made.scopes) == (environment, ["trigger:write"])
    assert "no-store" in answer["Cache-Control"]
    assert key not in client.get("/admin/workflows/apikey/").content.decode()
    record = AuditRecord.objects.get()
    assert (record.verb, record.reason, record.actor_name) == ("make_apikey", "a new shop", "ada")
    assert f"/admin/workflows/auditrecord/{record.pk}/change/" in answer.content.decode()


def test_a_key_without_an_environment_is_not_made() -> None:
    answer = people.ada().post(ADD, {"name": "checkout", "scopes": ["trigger:write"], "reason": "x"})
    assert answer.status_code == 422
    assert not ApiKey.objects.exists()


def test_a_key_is_never_edited() -> None:
    made = make_key(tenants.make_env("acme"))
    answer = people.ada().get(f"/admin/workflows/apikey/{made.pk}/change/")
    assert answer["Location"] == "/admin/workflows/apikey/"


def test_a_key_is_revoked_with_a_reason_that_is_kept() -> None:
    made = make_key(tenants.make_env("acme"))
    client = people.ada()
    address = f"/admin/workflows/apikey/{made.pk}/revoke/"
    assert "be undone" in client.get(address).content.decode()
    assert client.post(address, {"reason": ""}).status_code == 422
    client.post(address, {"reason": "the laptop is lost"})
    assert ApiKey.objects.get().revoked
    assert AuditRecord.objects.get().reason == "the laptop is lost"
    assert ">revoked<" in client.get("/admin/workflows/apikey/").content.decode()


def test_a_key_that_is_not_there_is_not_revoked() -> None:
    assert people.ada().post("/admin/workflows/apikey/nothing/revoke/", {"reason": "x"}).status_code == 404


def test_an_operator_neither_sees_nor_makes_nor_revokes_keys() -> None:
    made = make_key(tenants.make_env("acme"))
    client = people.oscar()
    revoke = f"/admin/workflows/apikey/{made.pk}/revoke/"
    answers = [client.get("/admin/workflows/apikey/"), client.post(ADD, {}), client.post(revoke, {"reason": "x"})]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert not ApiKey.objects.get().revoked


def test_who_may_only_look_sees_the_verb_disabled() -> None:
    make_key(tenants.make_env("acme"))
    person = people.make("nina")
    person.user_permissions.add(people.permission("view_apikey"))
    page = people.signed_in(person).get("/admin/workflows/apikey/").content.decode()
    assert "Needs the permission to change API keys" in page
    assert "/revoke/" not in page
