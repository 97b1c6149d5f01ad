"""With a server gone the API still answers: it fails open, says when to come again, and is never a 500."""

import pytest
from django_redis import get_redis_connection

from launch import process
from mollifier import gate
from tests.api.conftest import Caller, make_caller
from tests.intake.conftest import outage  # noqa: F401 - a fixture


@pytest.fixture
def no_redis(settings):
    """Point the connections at a port where nobody listens."""
    dead = f"redis://127.0.0.1:{process.free_port()}/0"
    settings.CACHES = {
        name: {**alias, "LOCATION": f"{dead}?client_name={name}"} for name, alias in settings.CACHES.items()
    }
    gate.breaker.succeeded()
    yield
    gate.breaker.succeeded()


@pytest.fixture
def smoothed_for_real(transactional_db) -> Caller:
    return make_caller(mode="on", limit=1, window_ms=3_600_000)


def test_without_redis_triggers_start_and_say_so(smoothed, no_redis):
    for _ in range(8):
        response = smoothed.trigger()
        assert (response.status_code, response["Mollifier-Gate"]) == (201, "fail-open")
        assert response.json()["status"] == "pending"
    batch = smoothed.post("triggers/batch", {"triggers": [{"definition": "greet"}] * 3})
    assert (batch["Mollifier-Gate"], batch.json()["summary"]["started"]) == ("fail-open", 3)


def test_without_redis_rows_are_still_read(smoothed, no_redis):
    made = smoothed.trigger().json()["id"]
    assert smoothed.get(f"instances/{made}").json()["status"] == "pending"
    page = smoothed.get("instances")
    assert (page.status_code, page["Mollifier-Buffer"]) == (200, "unavailable")
    assert smoothed.post(f"instances/{made}/cancel").json()["status"] == "cancelled"
    assert smoothed.get("buffer").json() == {
        "org": "acme",
        "available": False,
        "queued": None,
        "oldest_age_seconds": None,
    }


def test_without_redis_what_may_be_buffered_is_not_called_missing(smoothed, no_redis):
    for response in (
        smoothed.get("instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11"),
        smoothed.get("instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/events"),
        smoothed.post("instances/019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11/cancel"),
    ):
        assert (response.status_code, response.json()["code"]) == (503, "buffer_unavailable")
        assert response["Retry-After"] == "1"


def test_without_redis_the_process_is_ready_but_degraded(client, smoothed, no_redis):
    response = client.get("/healthz/ready")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["redis"] == "unavailable"
    assert b"mollifier_up 0.0\n" in client.get("/metrics").content


def test_without_a_database_an_org_that_is_on_is_buffered(smoothed_for_real, outage):  # noqa: F811
    outage.begin()
    first, second = smoothed_for_real.trigger(buffer="auto"), smoothed_for_real.trigger()
    assert (first.status_code, first.json()["notice"]["code"]) == (202, "database_unavailable")
    assert second.status_code == 202
    outage.end()
    assert get_redis_connection("buffer").dbsize() > 0


def test_without_a_database_what_can_not_be_buffered_comes_again(smoothed_for_real, outage, client):  # noqa: F811
    made = smoothed_for_real.trigger().json()["id"]
    outage.begin()
    for response in (
        smoothed_for_real.trigger(buffer="never"),
        smoothed_for_real.get(f"instances/{made}"),
        smoothed_for_real.get("instances"),
        smoothed_for_real.put("flags", {"mode": "off", "reason": "outage"}, If_Match="1"),
    ):
        assert (response.status_code, response["Retry-After"]) == (503, "1")
        assert response.json()["code"] == "database_unavailable"
    ready = client.get("/healthz/ready")
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "unavailable")
    assert client.get("/healthz/live").status_code == 200
    assert b"workflows_up 0.0\n" in client.get("/metrics").content
    outage.end()
    assert smoothed_for_real.get(f"instances/{made}").status_code == 200


def test_a_process_that_never_saw_its_database_is_not_ready(transactional_db, outage, client):  # noqa: F811
    outage.begin()
    assert client.get("/healthz/ready").json()["checks"]["directory"] == "unavailable"
    response = client.get("/api/v1/instances", headers={"Authorization": "Bearer mo_abcdefgh_secret"})
    assert (response.status_code, response.json()["code"]) == (503, "directory_unavailable")
