"""Every view speaks JSON, whatever the caller would like better, and says no by a problem."""

import pytest
from django.test import Client

from tests.api.conftest import make_caller
from workflows.api.base import ApiView
from workflows.api.urls import urlpatterns

VIEWS = [pattern.callback.cls for pattern in urlpatterns if issubclass(getattr(pattern.callback, "cls", str), ApiView)]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "", "application/json;q=0"])
def test_the_answer_is_json_for_any_accept(acme, accept):
    response = acme.get("flags", Accept=accept)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_the_body_is_json_whatever_it_is_called(acme, kind):
    response = acme.client.post(
        "/api/v1/triggers",
        b'{"definition":"greet"}',
        content_type=kind,
        headers={"Authorization": f"Bearer {acme.key}"},
    )
    assert response.status_code == 201


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PATCH", "DELETE", "BREW"])
def test_a_method_that_is_not_there_is_a_problem(acme, method):
    response = acme.client.generic(method, "/api/v1/flags", headers={"Authorization": f"Bearer {acme.key}"})
    assert (response.status_code, response["Content-Type"]) == (405, "application/problem+json")
    assert response["Allow"] == "GET, HEAD, PUT"


def test_a_head_is_a_get_without_its_body(acme):
    response = acme.client.head("/api/v1/flags", headers={"Authorization": f"Bearer {acme.key}"})
    assert (response.status_code, response.content, response["ETag"]) == (200, b"", '"0"')


def test_a_head_asks_for_the_scope_of_a_get(acme):
    poor = make_caller(slug="staging", scopes=["metrics:read"])
    for path in ("flags", "instances", "definitions/greet"):
        head = acme.client.head(f"/api/v1/{path}", headers={"Authorization": f"Bearer {poor.key}"})
        assert (path, head.status_code) == (path, 403)


@pytest.mark.parametrize("path", ["/api/docs", "/api/schema"])
def test_what_describes_the_api_is_only_read(db, path):
    assert Client(raise_request_exception=False).options(path).status_code == 405


def test_every_method_of_a_closed_view_asks_for_a_scope():
    assert len(VIEWS) > 10
    for view in VIEWS:
        methods = {method.upper() for method in ("get", "post", "put", "patch", "delete") if hasattr(view, method)}
        assert set(view.scopes) == (methods if view.authentication_classes else set()), view


def test_an_address_with_a_slash_too_many_is_nowhere(db):
    assert Client().get("/api/v1/flags/").json()["code"] == "not_found"
