"""A key opens what its scopes say, in its own environment, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.api.conftest import make_caller
from workflows.api import auth
from workflows.intake import refresher
from workflows.models import ApiKey

CALLS = [
    ("post", "triggers", "trigger:write"),
    ("post", "triggers/batch", "trigger:write"),
    ("get", "instances", "instances:read"),
    ("get", "instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11", "instances:read"),
    ("get", "instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/events", "instances:read"),
    ("post", "instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/cancel", "instances:write"),
    ("get", "buffer", "buffer:manage"),
    ("get", "flags", "buffer:manage"),
    ("put", "flags", "flags:write"),
]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_every_address_asks_for_a_key(client, method, path, scope):
    response = getattr(client, method)(f"/api/v1/{path}")
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response["WWW-Authenticate"] == 'Bearer realm="mollifier"'


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_every_address_asks_for_a_scope(db, method, path, scope):
    poor = make_caller(scopes=["metrics:read"])
    response = getattr(poor, method)(path, **({"body": b"{}"} if method != "get" else {}))
    assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in response["WWW-Authenticate"]
    assert scope in response["WWW-Authenticate"]


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_the_scope_named_is_enough(db, method, path, scope):
    rich = make_caller(scopes=[scope])
    response = getattr(rich, method)(path, **({"body": b"{}"} if method != "get" else {}))
    assert response.status_code not in (401, 403)


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "Basic abc", "mo_abc_def", "Bearer mo_abc", "Bearer mo__", "Bearer mo_abc_def"),
        *("Bearer mo_abcdefgh_" + "x" * 500, "Bearer \udce9", "Bearer mo_a\x00b_c", "Bearer mo_é_é", "Token mo_a_b"),
    ],
)
def test_what_is_no_key_is_refused(acme, header):
    response = acme.client.get("/api/v1/instances", headers={"Authorization": header})
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith('Bearer realm="mollifier"')


def test_a_wrong_secret_is_refused_even_after_the_right_one(acme):
    assert acme.get("instances").status_code == 200
    right = acme.key
    acme.key = right[:-1] + ("a" if right[-1] != "a" else "b")
    assert acme.get("instances").json()["code"] == "invalid_key"
    acme.key = right
    assert acme.get("instances").status_code == 200


def test_a_revoked_key_is_refused_though_it_was_verified(acme):
    assert acme.get("instances").status_code == 200
    key = ApiKey.objects.get(env=acme.env)
    key.revoked = True
    key.save()
    refresher.refresh()
    response = acme.get("instances")
    assert (response.status_code, response.json()["code"]) == (401, "key_revoked")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_an_expired_key_is_refused(acme):
    key = ApiKey.objects.get(env=acme.env)
    key.expiry_date = timezone.now() - timedelta(seconds=1)
    key.save()
    refresher.refresh()
    assert acme.get("instances").json()["code"] == "key_expired"


def test_a_deleted_key_is_refused(acme):
    ApiKey.objects.get(env=acme.env).delete()
    refresher.refresh()
    assert acme.get("instances").json()["code"] == "invalid_key"


def test_verified_keys_are_forgotten_when_there_are_too_many(acme, monkeypatch):
    monkeypatch.setattr(auth, "MAX_VERIFIED", 2)
    callers = [acme, make_caller("globex"), make_caller("initech")]
    for _ in range(2):
        assert [caller.get("flags").status_code for caller in callers] == [200, 200, 200]
    assert len(auth._verified) <= 2


def test_a_key_whose_environment_is_gone_is_refused(acme, monkeypatch):
    directory = replace(refresher.current(), envs={})
    monkeypatch.setattr(refresher, "current", lambda: directory)
    assert acme.get("flags").json()["code"] == "invalid_key"


def test_checking_a_key_asks_no_database(acme):
    with CaptureQueriesContext(connection) as queries:
        assert acme.get("instances", X_None="1").status_code == 200
        listing = len(queries)
        acme.key = "mo_abcdefgh_abcdefgh"
        assert acme.get("instances").status_code == 401
    assert len(queries) == listing


def test_the_tenant_comes_from_the_key_and_others_are_not_found(acme):
    globex = make_caller("globex")
    made = globex.trigger().json()["id"]
    for path in (f"instances/{made}", f"instances/{made}/events"):
        response = acme.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert acme.post(f"instances/{made}/cancel").status_code == 404
    assert acme.get("instances").json()["data"] == []
    assert globex.get(f"instances/{made}").json()["status"] == "pending"


def test_another_environment_of_the_org_is_another_tenant(acme):
    staging = make_caller("acme", "staging")
    made = staging.trigger(idempotency_key="k").json()["id"]
    assert acme.get(f"instances/{made}").status_code == 404
    assert acme.trigger(idempotency_key="k").status_code == 201


def test_a_buffered_instance_of_another_tenant_is_not_found(smoothed):
    globex = make_caller("globex")
    smoothed.trigger()
    made = smoothed.trigger().json()["id"]
    assert globex.get(f"instances/{made}").status_code == 404
    assert globex.post(f"instances/{made}/cancel").status_code == 404
    assert smoothed.get(f"instances/{made}").json()["status"] == "buffered"


def test_a_session_of_the_pages_opens_nothing_of_the_api(admin_client: Client):
    assert admin_client.get("/api/v1/instances").status_code == 401
