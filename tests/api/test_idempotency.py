"""DELETE idempotency-keys/{definition}/{key}."""

from urllib.parse import quote

import pytest

from tests.api.conftest import Caller, make_caller
from tests.intake.draining import drain
from tests.nowhere import no_redis  # noqa: F401

PATH = "idempotency-keys/greet/"


def test_a_freed_key_starts_something_new(acme: Caller):
    made = acme.trigger(idempotency_key="order 1/a").json()["id"]
    freed = acme.delete(f"{PATH}{quote('order 1/a', safe='')}")
    assert (freed.status_code, freed.json()) == (200, {"cleared": made})
    again = acme.trigger(idempotency_key="order 1/a")
    assert (again.status_code, again.json()["id"] != made) == (201, True)


def test_a_key_is_busy_while_its_instance_is_buffered(smoothed: Caller):
    smoothed.trigger()
    made = smoothed.trigger(idempotency_key="k").json()["id"]
    busy = smoothed.delete(f"{PATH}k")
    assert (busy.status_code, busy.json()["code"], busy.json()["id"], busy["Retry-After"]) == (409, "busy", made, "1")
    drain()
    assert smoothed.delete(f"{PATH}k").json() == {"cleared": made}


@pytest.mark.parametrize("key", ["free", "%00", "x" * 256])
def test_what_is_no_key_is_not_found(acme: Caller, key: str):
    assert acme.delete(f"{PATH}{key}").status_code == 404


def test_another_tenants_key_is_not_found(acme: Caller):
    acme.trigger(idempotency_key="k")
    assert make_caller("other").delete(f"{PATH}k").status_code == 404
    assert make_caller("third", scopes=["instances:read"]).delete(f"{PATH}k").status_code == 403


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_is_to_be_sent_again(acme: Caller):
    acme.trigger(idempotency_key="k")
    assert acme.delete(f"{PATH}k").status_code == 503
