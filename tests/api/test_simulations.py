"""What-if simulations over HTTP."""

import pytest

from mollifier.sandbox import Sandbox
from tests.api.conftest import make_caller
from tests.intake.recorded import record
from tests.nowhere import no_redis  # noqa: F401
from workflows.api import examples
from workflows.models import OrganizationFlags
from workflows.scopes import Scopes


@pytest.fixture
def recorded(db):
    caller = make_caller(mode="shadow")
    record(caller.env, 60)
    return caller


def test_the_body_of_the_description_is_answered_as_it_shows(recorded):
    (body,) = examples.BODIES["post_simulation"].values()
    (shown,) = examples.ANSWERS["post_simulation", 200].values()
    answer = recorded.post("simulations", body)
    found = answer.json()
    assert (answer.status_code, found["settings"]) == (200, shown["settings"])
    assert list(found) == list(shown)
    assert list(found["then"]) == list(shown["then"])
    assert list(found["then"]["points"][0]) == list(shown["then"]["points"][0])
    assert (found["then"]["triggers"], found["then"]["buffered"], found["now"]["buffered"]) == (60, 40, 0)


def test_nothing_of_the_org_is_changed(recorded):
    before = OrganizationFlags.objects.values().get()
    assert recorded.post("simulations", {"limit": 1}).json()["then"]["buffered"] > 0
    assert OrganizationFlags.objects.values().get() == before
    assert recorded.get("buffer").json()["queued"] == 0


def test_an_empty_wish_replays_the_settings_as_they_are(recorded):
    assert recorded.post("simulations", {}).json()["now"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"limit": 0}, "/limit"), ({"weight": 0}, "/weight"), ({"rivals": 101}, "/rivals"), ({"org": "x"}, "/org")],
)
def test_what_can_not_be_is_refused_with_its_place(recorded, body, pointer):
    answer = recorded.post("simulations", body)
    assert (answer.status_code, answer.json()["pointer"]) == (400, pointer)


def test_one_runs_at_a_time(recorded):
    with Sandbox():
        answer = recorded.post("simulations", {})
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "simulation_busy", "20")


def test_without_a_record_there_is_nothing_to_replay(db):
    answer = make_caller(mode="shadow").post("simulations", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_recorded")


def test_a_key_that_may_not_change_flags_may_not_simulate(db):
    assert make_caller(scopes=[Scopes.BUFFER_MANAGE.value]).post("simulations", {}).status_code == 403


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_to_come_again(db):
    answer = make_caller(mode="shadow").post("simulations", {})
    assert (answer.status_code, answer.json()["code"]) == (503, "buffer_unavailable")
