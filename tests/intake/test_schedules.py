"""The pass that fires schedules: what it starts, what it leaves, and what a crash or a second pass changes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from uuid_utils.compat import uuid7

from tests import waiting
from tests.bound import bind, emitted
from tests.intake import schedules as making
from tests.intake.schedules import MINUTE, NOON, change, finish, make, make_due, started
from tests.tenants import make_env
from tests.workflows.making import data_of
from workflows import conf
from workflows.intake import events, firing, schedules, submission
from workflows.intake.firing import Fire, Fired, Outcome
from workflows.models import Instance, Schedule, ScheduleFires

HOUR = timedelta(hours=1)


@pytest.fixture
def env(db):
    return make_env()


def seen(schedule: Schedule) -> Schedule:
    schedule.refresh_from_db()
    return schedule


def test_what_is_due_is_started_with_its_payload_once(env):
    schedule = make(env, payload={"b": 1, "a": [2]})
    assert schedules.fire_due(NOON - timedelta(seconds=1)).taken == 0
    assert schedules.fire_due(NOON).outcomes == {"started": 1}
    assert schedules.fire_due(NOON).taken == 0
    (instance,) = started(schedule)
    assert (instance.source, instance.definition, instance.env_id) == ("schedule", "greet", env.id)
    assert instance.idempotency_key == f"schedule:{schedule.id}:2026-11-21T12:00:00Z"
    schedule = seen(schedule)
    assert (schedule.last_instance, schedule.last_outcome, schedule.last_at) == (instance.id, "started", NOON)
    assert (schedule.next_at, schedule.wake_at, schedule.unsettled) == (NOON + HOUR, NOON + HOUR, False)


@pytest.mark.parametrize("payload", ["noon", "[1]", "", None, 7])
def test_a_payload_may_be_any_json_and_is_started_as_it_is(env, payload):
    first, schedule = make(env), make(env, payload=payload)
    assert schedules.fire_due(NOON).outcomes == {"started": 2}
    (instance,) = started(seen(schedule))
    assert (schedule.payload, data_of(instance.id, "created")) == (payload, [{"payload": payload}])
    assert len(started(first)) == 1


def test_times_that_can_be_read_no_more_switch_a_schedule_off_and_hold_up_no_other(env):
    """As when a zone is gone while what became of the last try is not known."""
    broken, other = make(env), make(env)
    Schedule.objects.filter(id=broken.id).update(timezone="Mars/Olympus", unsettled=True)
    assert schedules.fire_due(NOON).outcomes == {"started": 2}
    assert (len(started(broken)), len(started(other))) == (1, 1)
    assert (seen(broken).enabled, broken.wake_at, broken.unsettled) == (False, None, False)
    assert "Mars/Olympus" in broken.last_detail
    assert seen(other).next_at == NOON + HOUR


@pytest.mark.django_db(transaction=True)
def test_passes_that_count_the_same_at_once_wait_for_each_other_and_in_no_ring():
    env = make_env()
    ScheduleFires.objects.bulk_create(ScheduleFires(outcome=each, total=0) for each in ("rejected", "started"))
    change_directly(make(env), wake_at=NOON - MINUTE), change_directly(make(env), definition="gone")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ScheduleFires.objects.select_for_update().get(outcome="rejected")
            passing = pool.submit(pass_and_leave)
            waiting.until(blocked)
            ScheduleFires.objects.select_for_update().get(outcome="started")
        assert passing.result(30).outcomes == {"started": 1, "rejected": 1}


def pass_and_leave():
    try:
        return schedules.fire_due(NOON)
    finally:
        connection.close()


def blocked():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def change_directly(schedule, **values):
    Schedule.objects.filter(id=schedule.id).update(**values)


def test_a_mollified_fire_is_buffered(db):
    env = make_env(mode="on", limit=1, window_ms=3_600_000)
    make(env), make(env)
    assert schedules.fire_due(NOON).outcomes == {"started": 1, "buffered": 1}
    assert sorted(Schedule.objects.values_list("last_outcome", flat=True)) == ["buffered", "started"]


def test_of_missed_fires_only_the_last_is_made_up_for(env):
    schedule = make(env)
    assert schedules.fire_due(NOON + 5 * HOUR + MINUTE).outcomes == {"missed": 1, "started": 1}
    (instance,) = started(schedule)
    assert instance.idempotency_key.endswith("T17:00:00Z")
    assert seen(schedule).next_at == NOON + 6 * HOUR


def test_missed_fires_are_left_where_none_is_made_up_for(env):
    schedule = make(env, catch_up="none")
    assert schedules.fire_due(NOON + timedelta(seconds=121)).outcomes == {"missed": 1}
    assert started(schedule) == []
    assert schedules.fire_due(NOON + HOUR + timedelta(seconds=119)).outcomes == {"started": 1}
    assert seen(schedule).next_at == NOON + 2 * HOUR


def test_a_fire_is_skipped_while_the_instance_before_has_not_finished(env):
    schedule = make(env, overlap="skip")
    schedules.fire_due(NOON)
    assert schedules.fire_due(NOON + HOUR).outcomes == {"skipped": 1}
    assert seen(schedule).last_outcome == "skipped"
    finish(started(schedule)[0])
    assert schedules.fire_due(NOON + 2 * HOUR).outcomes == {"started": 1}


def test_a_buffered_instance_has_not_finished(db):
    env = make_env(mode="on", limit=1, window_ms=3_600_000)
    first, second = make(env, overlap="skip"), make(env, overlap="skip")
    schedules.fire_due(NOON)
    assert {seen(first).last_outcome, seen(second).last_outcome} == {"started", "buffered"}
    assert schedules.fire_due(NOON + HOUR).outcomes == {"skipped": 2}


def test_overlapping_is_allowed_where_it_is(env):
    schedule = make(env, overlap="allow")
    for hours in range(3):
        schedules.fire_due(NOON + hours * HOUR)
    assert len(started(schedule)) == 3


def test_one_fire_waits_for_the_instance_before_and_starts_when_that_has_finished(env):
    schedule = make(env, overlap="queue")
    schedules.fire_due(NOON)
    assert schedules.fire_due(NOON + HOUR).outcomes == {"queued": 1}
    assert schedules.fire_due(NOON + 2 * HOUR).outcomes == {"skipped": 1}
    assert seen(schedule).queued_at == NOON + HOUR
    finish(started(schedule)[0])
    look = seen(schedule).wake_at
    assert look == NOON + 2 * HOUR + timedelta(seconds=conf.current().schedule_poll_seconds)
    assert schedules.fire_due(look).outcomes == {"started": 1}
    assert [each.idempotency_key[-20:] for each in started(schedule)] == [
        "2026-11-21T12:00:00Z",
        "2026-11-21T13:00:00Z",
    ]
    schedule = seen(schedule)
    assert (schedule.queued_at, schedule.wake_at) == (None, NOON + 3 * HOUR)


def test_a_look_at_what_waits_changes_nothing_while_it_must(env):
    schedule = make(env, overlap="queue")
    schedules.fire_due(NOON)
    schedules.fire_due(NOON + HOUR)
    assert schedules.fire_due(NOON + HOUR + MINUTE) == schedules.Report(1)
    assert seen(schedule).queued_at == NOON + HOUR
    assert schedule.last_outcome == "queued"


def test_who_dies_after_the_start_leaves_one_instance(env):
    schedule = make(env)
    taken, _ = schedules._take(NOON, NOON + MINUTE)
    schedules._submit([Fire(taken[0], NOON)], NOON + MINUTE)
    assert len(started(schedule)) == 1
    assert schedules.fire_due(NOON + timedelta(seconds=59)).taken == 0
    # Though another has come due meanwhile, and the policy is to skip, the same one is asked for again.
    assert schedules.fire_due(NOON + HOUR + MINUTE).outcomes == {"existing": 1}
    (instance,) = started(schedule)
    assert (seen(schedule).last_instance, schedule.next_at) == (instance.id, NOON + HOUR)
    assert schedules.fire_due(NOON + HOUR + MINUTE).outcomes == {"skipped": 1}


def test_who_dies_before_the_start_leaves_it_due(env):
    schedule = make(env)
    schedules._take(NOON, NOON + MINUTE)
    assert schedules.fire_due(NOON + MINUTE).outcomes == {"started": 1}
    assert len(started(schedule)) == 1


@pytest.mark.django_db(transaction=True)
def test_passes_at_the_same_time_fire_everything_once():
    env = make_env()
    for _ in range(12):
        make(env)
    gate = threading.Barrier(4)

    def work():
        gate.wait()
        try:
            schedules.fire_due(NOON)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Instance.objects.count() == 12
    assert set(Schedule.objects.values_list("last_outcome", "unsettled")) == {("started", False)}


def fire(schedule: Schedule, outcome: submission.Submission, now=NOON) -> Fired:
    """Settle a due schedule as if its submission had ended so."""
    (held,), _ = schedules._take(now, now + MINUTE)
    fired = firing.fired_as(outcome)
    schedules.settle(Fire(held, held.next_at), fired, now, now + MINUTE)
    return fired


@pytest.mark.parametrize(
    ("outcome", "certain"),
    [
        (submission.Throttled("throttled", "Too many."), True),
        (submission.Full("env", 7), True),
        (submission.Unavailable(), False),
        (submission.InProgress(uuid7()), False),
    ],
)
def test_what_could_not_be_taken_stays_due_and_backs_off(env, outcome, certain):
    schedule = make(env)
    fired = fire(schedule, outcome)
    schedule = seen(schedule)
    assert (schedule.next_at, schedule.attempts, schedule.unsettled) == (NOON, 1, not certain)
    assert schedule.last_outcome == "deferred"
    assert schedule.wake_at >= NOON + timedelta(seconds=max(fired.retry_after_seconds, 0.5))
    assert schedules.fire_due(schedule.wake_at).outcomes == {"started": 1}
    assert (seen(schedule).attempts, schedule.next_at) == (0, NOON + HOUR)


def test_back_off_doubles_to_its_cap(env):
    schedule, now = make(env), NOON
    waits = []
    for _ in range(10):
        fire(schedule, submission.Unavailable(0), now)
        waits.append((seen(schedule).wake_at - now).total_seconds())
        now = schedule.wake_at
    cap = conf.current().schedule_retry_cap_seconds
    assert waits[0] <= 1
    assert all(cap / 2 <= wait <= cap for wait in waits[-3:])


def test_a_fire_that_was_tried_in_time_is_not_missed(env):
    schedule = make(env, catch_up="none")
    fire(schedule, submission.Throttled("throttled", "Too many.", 300))
    assert schedules.fire_due(NOON + 6 * MINUTE).outcomes == {"started": 1}


def test_without_redis_or_rows_nothing_is_guessed_of_the_instance_before(env, no_redis):
    schedule = make(env, overlap="skip")
    Schedule.objects.update(last_instance=schedule.id)
    assert schedules.fire_due(NOON).outcomes == {"deferred": 1}
    assert (seen(schedule).next_at, schedule.last_detail) == (NOON, firing.STORE_AWAY)


def test_a_fire_whose_definition_was_switched_off_is_rejected_and_the_next_one_is_due(env):
    schedule = make(env)
    Schedule.objects.update(definition="gone")
    assert schedules.fire_due(NOON).outcomes == {"rejected": 1}
    schedule = seen(schedule)
    assert (schedule.next_at, schedule.last_detail) == (NOON + HOUR, "There is no definition 'gone'.")


def test_a_schedule_that_can_not_be_read_any_more_is_switched_off_and_stops_no_other(env):
    broken, sound = make(env), make(env)
    Schedule.objects.filter(id=broken.id).update(timezone="Atlantis/Capital")
    assert schedules.fire_due(NOON).outcomes == {"rejected": 1, "started": 1}
    assert (seen(broken).enabled, broken.wake_at, broken.last_outcome) == (False, None, "rejected")
    assert seen(sound).last_outcome == "started"


def test_an_edit_while_it_is_fired_keeps_its_new_times(env):
    schedule = make(env)
    (held,), _ = schedules._take(NOON, NOON + MINUTE)
    change(schedule, NOON, cron="30 * * * *")
    schedules.settle(Fire(held, NOON), Fired(Outcome.STARTED, instance_id=env.id), NOON, NOON + MINUTE)
    schedule = seen(schedule)
    assert (schedule.next_at, schedule.last_instance) == (making.moment("12:30"), env.id)


def test_a_paused_schedule_does_not_fire(env):
    schedule = make(env)
    change(schedule, enabled=False)
    assert schedules.fire_due(NOON + HOUR).taken == 0


def test_a_batch_is_bounded_and_a_pass_takes_several(env, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SCHEDULE_BATCH": 2, "SCHEDULE_WAIT_SECONDS": 0}
    due = make_due(env, overlap="allow").next_at
    for _ in range(4):
        make_due(env, overlap="allow")
    Schedule.objects.update(next_at=due, wake_at=due)
    assert schedules.fire_due(due).taken == 2
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SCHEDULE_ROUNDS": 1}
    Schedule.objects.update(next_at=due, wake_at=due)
    soon = datetime.now(UTC) + MINUTE
    assert schedules.run_until(soon).taken == 2
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SCHEDULE_ROUNDS": 100}
    Schedule.objects.update(next_at=due, wake_at=due)
    assert schedules.run_until(soon).taken == 5


def test_a_pass_waits_for_what_comes_due_in_its_time(env):
    schedule = make(env, cron=making.rare())
    due = datetime.now(UTC) + timedelta(seconds=1)
    Schedule.objects.update(next_at=due, wake_at=due)
    report = schedules.run_until(due + timedelta(seconds=30))
    assert report.outcomes == {"started": 1}
    assert started(schedule)[0].accepted_at >= due


def test_a_pass_that_is_to_stop_does_not_wait(env):
    make(env)
    due = datetime.now(UTC) + HOUR
    Schedule.objects.update(next_at=due, wake_at=due)
    asked = iter([False, True])
    assert schedules.run_until(due + HOUR, lambda: next(asked)) == schedules.Report()


def test_the_hosted_pass_says_what_it_did(env, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SCHEDULE_WAIT_SECONDS": 0}
    make_due(env)
    assert schedules.run() == {"taken": 1, "outcomes": {"started": 1}}


def test_fires_are_counted_by_outcome(env):
    make(env), make(env, overlap="allow")
    schedules.fire_due(NOON)
    schedules.fire_due(NOON + HOUR)
    assert dict(ScheduleFires.objects.values_list("outcome", "total")) == {"started": 3, "skipped": 1}


@pytest.mark.django_db(transaction=True)
def test_a_fire_is_never_damped_whatever_events_have_left():
    env = make_env()
    bind(limit=2)
    sent = [events.submit_matching(emitted(env, key=str(number)))[0].submission for number in range(3)]
    assert [type(each) for each in sent] == [submission.Started, submission.Started, submission.Throttled]
    schedule = make(env)
    assert schedules.fire_due(NOON).outcomes == {"started": 1}
    assert len(started(schedule)) == 1
