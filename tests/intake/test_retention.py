"""The retention of finished instances."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.workflows.cleanup.test_locks import held_elsewhere
from tests.workflows.making import make_instances
from workflows import schedules
from workflows.intake import retention
from workflows.models import AuditRecord, Event, Instance, Walk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _bounds(settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"RETENTION_PASS": 4, "CLEANUP_BATCH": 2, "CLEANUP_LOOKED_AT": 3}


def make(count, days, status="completed"):
    finished_at = timezone.now() - timedelta(days=days)
    return make_instances("noop", [1] * count, status=status, finished_at=finished_at, wake_at=None)


def left():
    return set(Instance.objects.values_list("id", flat=True))


def test_what_ended_long_ago_goes_with_its_log_and_a_record():
    make(3, 31)
    young = make(2, 29)
    waiting = make_instances("noop", [1], status="waiting")
    assert retention.apply() == 3
    assert left() == {*young, *waiting}
    assert Event.objects.count() == 3
    record = AuditRecord.objects.get()
    assert (record.verb, record.actor_name, record.count, record.detail["events"]) == ("retention", "schedule", 3, 3)


def test_a_pass_is_bounded_and_the_next_goes_on_behind_what_stays():
    stays = make_instances("noop", [1] * 9, status="waiting")
    make(7, 40)
    done = [retention.apply() for _ in range(6)]
    assert sum(done) == 7
    assert max(done) <= 4
    assert left() == set(stays)
    assert {record.outcome for record in AuditRecord.objects.all()} <= {"done", "partly"}


def test_from_the_end_it_begins_again():
    make_instances("noop", [1] * 2, status="waiting")
    for _ in range(2):
        retention.apply()
    assert Walk.objects.get().after is None
    make(1, 40)
    assert retention.apply() == 1


def test_where_nothing_is_old_nothing_is_recorded():
    make(5, 1)
    assert [retention.apply() for _ in range(3)] == [0, 0, 0]
    assert not AuditRecord.objects.exists()


def test_without_a_period_everything_is_kept(settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"RETENTION_DAYS": 0}
    old = make(1, 4_000)
    assert retention.apply() == 0
    assert left() == set(old)


def test_only_one_pass_is_at_work():
    old = make(1, 40)
    with held_elsewhere(retention.NAME, {"pass": True}):
        assert retention.apply() == 0
    assert left() == set(old)


@pytest.mark.usefixtures("no_redis")
def test_while_the_buffer_can_not_be_asked_everything_is_kept():
    old = make(1, 40)
    assert retention.apply() == 0
    assert left() == set(old)


def test_it_has_a_schedule():
    assert "workflows.intake.retention.apply" in schedules.EVERY_MINUTES
