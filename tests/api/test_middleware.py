"""Every request has an id, and only pages pass through what only pages need."""

from typing import Any

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/healthz/live", "/api/nowhere", "/admin/login/"])
@pytest.mark.django_db
def test_a_request_id_is_echoed(client: Client, path: str) -> None:
    assert client.get(path, headers={"X-Request-Id": "order-7:retry_1"})["X-Request-Id"] == "order-7:retry_1"


@pytest.mark.parametrize("sent", ["", "with space", "a" * 129, 'quote"d', "line\nbreak"])
def test_a_request_id_that_can_not_stand_in_a_log_is_replaced(client: Client, sent: str) -> None:
    made = client.get("/healthz/live", headers={"X-Request-Id": sent})["X-Request-Id"]
    assert made != sent
    assert len(made) == 32


def test_each_request_gets_its_own_id(client: Client) -> None:
    ids = {client.get("/healthz/live")["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5


def test_an_address_that_is_nowhere_is_a_problem(client: Client) -> None:
    response = client.get("/api/v1/nowhere", headers={"X-Request-Id": "abc"})
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json() == {
        "type": "urn:mollifier:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "There is no such address.",
        "request_id": "abc",
    }


def test_the_api_makes_no_session_and_sets_no_cookie(client: Client) -> None:
    response = client.get("/healthz/live")
    assert not response.cookies
    assert not hasattr(response.wsgi_request, "session")
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
def test_pages_keep_their_protection(client: Client) -> None:
    page = client.get("/admin/login/")
    assert page["X-Frame-Options"] == "DENY"
    assert "csrftoken" in page.cookies
    refused = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a", "password": "b"})
    assert refused.status_code == 403


def test_a_page_of_a_wrong_host_is_refused(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["good.example"]
    assert client.get("/admin/login/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/healthz/live", headers={"Host": "10.0.0.7"}).status_code == 200
