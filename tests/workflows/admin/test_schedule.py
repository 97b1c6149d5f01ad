"""Schedules in the admin: seen, made, changed, paused and run by hand."""

import re

import pytest
from django.utils import timezone

from tests import people, tenants
from tests.intake.schedules import make
from workflows.models import AuditRecord, Instance, Schedule

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/schedule/"
ADD = f"{LIST}add/"
ASKED = {
    "definition": "greet",
    "cron": "30 2 * * *",
    "timezone": "Europe/Lisbon",
    "overlap": "skip",
    "catch_up": "last",
}


@pytest.fixture
def env():
    return tenants.make_env("acme")


def address(schedule: Schedule, verb: str) -> str:
    return f"{LIST}{schedule.pk}/{verb}/"


def test_the_list_shows_the_next_fire_and_how_the_last_ended(env):
    now = timezone.now()
    schedule = make(env, now, cron="30 2 * * *")
    Schedule.objects.update(last_outcome="skipped", last_detail="Busy.", last_at=now, last_instance=env.pk)
    page = people.oscar().get(LIST).content.decode()
    for shown in ("greet", "acme/production", "30 2 * * *", "02:30:00 UTC", ">skipped<", 'title="Busy."', str(env.pk)):
        assert shown in page, shown
    assert address(schedule, "run") in page


def test_a_viewer_sees_what_it_takes(env):
    schedule = make(env)
    client = people.vera()
    assert "Needs the permissions to change and to run schedules" in client.get(LIST).content.decode()
    for verb in ("change", "switch", "run"):
        assert client.get(address(schedule, verb)).status_code == 403
    assert client.get(ADD).status_code == 403


def test_a_schedule_is_made_with_a_reason(env):
    client = people.oscar()
    asked = ASKED | {"env": str(env.pk), "payload": '{"b": 1, "a": 2}'}
    assert client.post(ADD, asked).status_code == 422
    assert client.post(ADD, asked | {"reason": "nightly report"}).status_code == 302
    made = Schedule.objects.get()
    assert (made.env, made.cron, made.timezone, list(made.payload)) == (env, "30 2 * * *", "Europe/Lisbon", ["b", "a"])
    record = AuditRecord.objects.get()
    assert (record.verb, record.reason, record.actor_name) == ("create_schedule", "nightly report", "oscar")


def test_each_fault_stands_beside_its_field(env):
    asked = ASKED | {"env": str(env.pk), "cron": "61 * * * *", "definition": "nothing", "payload": "{", "reason": "x"}
    client = people.oscar()
    assert "It is not JSON" in client.post(ADD, asked).content.decode()
    page = client.post(ADD, asked | {"payload": ""}).content.decode()
    assert "There is no definition &#x27;nothing&#x27;" in page
    assert "out of range" in page
    assert not Schedule.objects.exists()


def test_the_next_fires_are_shown_before_anything_is_kept(env):
    asked = ASKED | {"env": str(env.pk), "cron": "0 12 1 1 *", "look": "1"}
    page = people.oscar().post(ADD, asked).content.decode()
    assert len(re.findall(r'<time datetime="\d{4}-01-01T12:00:00\+00:00">\w{3} 1 Jan', page)) == 5
    assert not Schedule.objects.exists()


def test_a_schedule_is_changed(env):
    schedule = make(env, payload={"a": 1})
    client = people.oscar()
    page = client.get(address(schedule, "change")).content.decode()
    assert "{&quot;a&quot;:1}" in page
    assert page.count("<time datetime=") == 5
    client.post(address(schedule, "change"), ASKED | {"enabled": "on", "reason": "earlier"})
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.payload, schedule.env_id) == ("30 2 * * *", None, env.pk)


def test_what_can_not_be_is_not_changed(env):
    schedule = make(env)
    asked = ASKED | {"timezone": "Mars", "reason": "x"}
    answer = people.oscar().post(address(schedule, "change"), asked)
    assert answer.status_code == 422
    assert "no time zone" in answer.content.decode()


def test_a_schedule_is_paused_and_goes_on_with_reasons(env):
    schedule, client = make(env), people.oscar()
    assert "Pause the schedule" in client.get(address(schedule, "switch")).content.decode()
    client.post(address(schedule, "switch"), {"reason": "too loud"})
    schedule.refresh_from_db()
    assert (schedule.enabled, schedule.next_at) == (False, None)
    assert ">paused<" in client.get(LIST).content.decode()
    client.post(address(schedule, "switch"), {"reason": "calm again"})
    schedule.refresh_from_db()
    assert schedule.next_at > timezone.now()
    assert list(AuditRecord.objects.filter(verb="change_schedule").order_by("id").values_list("reason", flat=True)) == [
        "too loud",
        "calm again",
    ]


def test_what_is_gone_can_not_go_on(env):
    schedule = make(env)
    Schedule.objects.update(enabled=False, definition="gone")
    answer = people.oscar().post(address(schedule, "switch"), {"reason": "x"})
    assert (answer.status_code, "There is no definition" in answer.content.decode()) == (422, True)


def test_two_clicks_run_it_once(env):
    schedule, client = make(env), people.oscar()
    page = client.get(address(schedule, "run")).content.decode()
    nonce = re.search(r'name="nonce" value="([\w-]+)"', page).group(1)
    for _ in range(2):
        client.post(address(schedule, "run"), {"reason": "the report is late", "nonce": nonce})
    assert Instance.objects.get().source == "schedule"
    assert AuditRecord.objects.filter(verb="run_schedule", reason="the report is late").count() == 2


def test_running_what_is_gone_starts_nothing_and_says_so(env):
    schedule = make(env)
    Schedule.objects.update(definition="gone")
    sent = {"reason": "x", "nonce": str(schedule.pk)}
    page = people.oscar().post(address(schedule, "run"), sent, follow=True).content.decode()
    assert "Nothing was started" in page


def test_a_schedule_that_is_not_there_is_not_found(env):
    client = people.oscar()
    for verb in ("change", "switch", "run"):
        assert client.get(f"{LIST}{env.pk}/{verb}/").status_code == 404


def test_the_list_costs_few_queries_however_long_it_is(env, django_assert_max_num_queries):
    for _ in range(20):
        make(env)
    client = people.oscar()
    with django_assert_max_num_queries(14):
        client.get(LIST)
