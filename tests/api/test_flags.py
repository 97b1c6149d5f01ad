"""An org's flags and its buffered work over HTTP."""

import pytest

from tests.api.conftest import make_caller
from workflows.models import FlagChange, OrganizationFlags

SMOOTH = {"mode": "on", "limit": 1, "window_ms": 3_600_000, "reason": "launch day"}


def test_an_org_without_flags_is_off(acme):
    response = acme.get("flags")
    assert (response.status_code, response["ETag"]) == (200, '"0"')
    assert response.json() == {
        "org": "acme",
        "mode": "off",
        "percent": 100,
        "limit": None,
        "window_ms": None,
        "hold_ms": None,
        "org_limit": None,
        "org_window_ms": None,
        "weight": 1.0,
        "paused": False,
        "version": 0,
    }


def test_flags_are_set_at_the_version_that_was_read(acme):
    changed = acme.put("flags", SMOOTH, If_Match=acme.get("flags")["ETag"])
    assert (changed.status_code, changed.json()["mode"], changed.json()["limit"]) == (200, "on", 1)
    assert changed["ETag"] == f'"{changed.json()["version"]}"'
    change = FlagChange.objects.get()
    assert (change.reason, change.after["mode"]) == ("launch day", "on")
    assert change.actor_name == f"api key {acme.key.split('_')[1]}"
    again = acme.put("flags", {"mode": "off", "reason": "over"}, If_Match=changed["ETag"])
    assert (again.status_code, again.json()["limit"]) == (200, None)
    assert acme.get("flags").json() == again.json()


def test_a_flip_decides_the_next_trigger(acme):
    assert [acme.trigger().status_code for _ in range(2)] == [201, 201]
    acme.put("flags", SMOOTH, If_Match="0")
    assert [acme.trigger().status_code for _ in range(2)] == [201, 202]


def test_a_change_meanwhile_is_not_overwritten(acme):
    read = acme.get("flags")["ETag"]
    acme.put("flags", SMOOTH, If_Match=read)
    refused = acme.put("flags", {"mode": "off", "reason": "late"}, If_Match=read)
    assert (refused.status_code, refused.json()["code"]) == (412, "version_conflict")
    assert acme.get("flags").json()["mode"] == "on"


def test_a_version_must_be_named(acme):
    refused = acme.put("flags", SMOOTH)
    assert (refused.status_code, refused.json()["code"]) == (428, "if_match_required")
    assert not OrganizationFlags.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"mode": "sideways"}, 400, "/mode"),
        ({"percent": 101}, 400, "/percent"),
        ({"limit": 0}, 400, "/limit"),
        ({"window_ms": 0}, 400, "/window_ms"),
        ({"weight": 0}, 400, "/weight"),
        ({"weight": 1e308}, 400, "/weight"),
        ({"reason": ""}, 400, "/reason"),
        ({"reason": " "}, 400, "/reason"),
        ({"version": 7}, 400, "/version"),
    ],
)
def test_flags_that_can_not_be_are_refused(acme, change, status, pointer):
    refused = acme.put("flags", SMOOTH | change, If_Match="0")
    assert (refused.status_code, refused.json()["pointer"]) == (status, pointer)
    assert acme.get("flags").json()["mode"] == "off"


def test_the_buffer_of_the_org_is_told(smoothed):
    assert smoothed.get("buffer").json() == {"org": "acme", "available": True, "queued": 0, "oldest_age_seconds": None}
    for _ in range(4):
        smoothed.trigger()
    body = smoothed.get("buffer").json()
    assert (body["queued"], body["oldest_age_seconds"] >= 0) == (3, True)


def test_the_buffer_of_another_org_is_not_told(smoothed):
    globex = make_caller("globex")
    for _ in range(2):
        smoothed.trigger()
    assert globex.get("buffer").json()["queued"] == 0
