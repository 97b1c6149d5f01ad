"""Schedules are made and changed, and what is wrong with one is told field by field."""

import pytest
from uuid_utils.compat import uuid7

from tests.intake.schedules import NOON, OSCAR, change, make, moment, started
from tests.tenants import make_env
from workflows.intake import refresher, timetable
from workflows.intake.firing import Outcome
from workflows.models import AuditRecord, Definition, Schedule


@pytest.fixture
def env(db):
    return make_env()


def test_a_new_schedule_fires_next_in_its_zone(env):
    schedule = make(env, now=NOON, cron="30 13 * * *", timezone="Europe/Berlin")
    assert (schedule.next_at, schedule.wake_at) == (moment("12:30"), moment("12:30"))
    assert [f"{at:%d %H:%M}" for at in timetable.upcoming(schedule, NOON, 2)] == ["21 13:30", "22 13:30"]


def test_every_fault_is_told_at_once(env):
    wrong = {
        "definition": "no-such-flow",
        "cron": "61 * * * *",
        "timezone": "Mars/Olympus",
        "overlap": "maybe",
        "catch_up": "all",
        "payload": "x" * 600_000,
    }
    with pytest.raises(timetable.ScheduleRefused) as refused:
        make(env, **wrong)
    assert {fault.field: fault.code for fault in refused.value.faults} == {
        "definition": "definition_not_found",
        "cron": "cron_invalid",
        "timezone": "timezone_unknown",
        "overlap": "invalid_field",
        "catch_up": "invalid_field",
        "payload": "payload_too_large",
    }
    assert not Schedule.objects.exists()


def test_what_is_switched_off_can_not_be_scheduled_but_a_schedule_of_it_can_be_paused(env):
    schedule = make(env)
    Definition(slug="greet", active=False).save()
    refresher.refresh()
    with pytest.raises(timetable.ScheduleRefused, match="switched off"):
        make(env)
    assert change(schedule, enabled=False).enabled is False


def test_an_environment_has_so_many_schedules_and_no_more(env, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_SCHEDULES": 2}
    make(env), make(env)
    with pytest.raises(timetable.ScheduleRefused, match="may have 2"):
        make(env)
    make(make_env("globex"))


def test_a_change_of_its_times_moves_the_next_fire_and_another_does_not(env):
    schedule = make(env)
    changed = change(schedule, moment("13:30"), payload={"a": 1})
    assert (changed.payload, changed.next_at) == ({"a": 1}, NOON)
    assert change(schedule, moment("13:30"), cron="15 * * * *").next_at == moment("14:15")


def test_a_paused_schedule_has_no_next_fire_and_a_resumed_one_starts_from_now(env):
    schedule = make(env, overlap="queue")
    Schedule.objects.update(queued_at=NOON, unsettled=True, attempts=3)
    paused = change(schedule, NOON, enabled=False)
    assert (paused.next_at, paused.wake_at, paused.queued_at, paused.unsettled) == (None, None, None, False)
    assert change(schedule, moment("20:30"), enabled=True).next_at == moment("21:00")


def test_what_queues_no_more_forgets_what_is_queued(env):
    schedule = make(env, overlap="queue")
    Schedule.objects.update(queued_at=NOON)
    assert change(schedule, overlap="skip").queued_at is None


def test_what_is_queued_is_looked_at_as_before_when_its_times_change(env):
    schedule = make(env, now=NOON, overlap="queue")
    Schedule.objects.filter(id=schedule.id).update(queued_at=NOON)
    moved = change(schedule, now=NOON, cron="0 0 1 1 *")
    assert (moved.queued_at, moved.wake_at) == (NOON, NOON)
    assert moved.next_at > NOON


def test_a_refused_change_changes_nothing(env):
    schedule = make(env)
    with pytest.raises(timetable.ScheduleRefused):
        change(schedule, cron="never", payload=1)
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.payload) == ("0 * * * *", None)


def test_another_environments_schedule_is_not_there(env):
    schedule, other = make(env), make_env("globex")
    assert timetable.find(other.id, schedule.id) is None
    assert timetable.change(other.id, schedule.id, {"enabled": False}, actor=OSCAR, reason="x") is None
    assert timetable.change(env.id, uuid7(), {}, actor=OSCAR, reason="x") is None
    assert timetable.listing(other.id).data == ()


def test_a_list_is_read_page_by_page(env):
    made = [make(env).id for _ in range(5)][::-1]
    first = timetable.listing(env.id, limit=3)
    assert [each.id for each in first.data] == made[:3]
    rest = timetable.listing(env.id, first.next_cursor, 3)
    assert ([each.id for each in rest.data], rest.next_cursor) == (made[3:], None)


def test_running_it_now_starts_one_instance_however_often_it_is_sent(env):
    schedule = make(env)
    first = timetable.run_now(schedule, "a", actor=OSCAR, reason="late")
    again = timetable.run_now(schedule, "a", actor=OSCAR, reason="late")
    assert (first.outcome, again.outcome) == (Outcome.STARTED, Outcome.EXISTING)
    assert first.instance_id == again.instance_id == started(schedule)[0].id
    schedule.refresh_from_db()
    assert (schedule.last_instance, schedule.next_at) == (first.instance_id, NOON)
    assert timetable.run_now(schedule, "b", actor=OSCAR, reason="late").instance_id != first.instance_id


def test_running_what_is_gone_says_so(env):
    schedule = make(env)
    schedule.definition = "gone"
    assert timetable.run_now(schedule, "a", actor=OSCAR, reason="late").outcome is Outcome.REJECTED


def test_what_can_not_be_read_has_no_next_fires(env):
    assert timetable.upcoming(Schedule(env=env, cron="never")) == []


def test_who_did_what_is_recorded_without_the_payload(env):
    schedule = make(env, payload={"secret": 1})
    change(schedule, cron="15 * * * *", payload={"secret": 2})
    timetable.run_now(schedule, "a", actor=OSCAR, reason="late")
    told = AuditRecord.objects.order_by("id").values_list("verb", "actor_name", "reason", "detail")
    assert [each[:3] for each in told] == [
        ("create_schedule", "oscar", "a test"),
        ("change_schedule", "oscar", "a test"),
        ("run_schedule", "oscar", "late"),
    ]
    assert [each[3] for each in told][1:] == [{"cron": "15 * * * *"}, {"outcome": "started"}]
    assert "secret" not in str(told)
