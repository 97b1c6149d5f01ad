"""The schedules that a migrated database has."""

import pytest
from django.utils.module_loading import import_string
from django_q.models import Schedule

from workflows import schedules

pytestmark = pytest.mark.django_db


def test_a_migrated_database_has_every_schedule_once():
    for _ in range(2):
        schedules.ensure()
    assert sorted(Schedule.objects.values_list("func", flat=True)) == sorted(schedules.EVERY_MINUTES)
    assert set(Schedule.objects.values_list("repeats", "schedule_type")) == {(-1, Schedule.MINUTES)}


def test_what_an_operator_changed_stays():
    schedules.ensure()
    Schedule.objects.filter(func="mollifier.tasks.drain").update(minutes=5)
    schedules.ensure()
    assert Schedule.objects.get(func="mollifier.tasks.drain").minutes == 5


@pytest.mark.parametrize("function", schedules.EVERY_MINUTES)
def test_every_schedule_names_a_function(function):
    assert callable(import_string(function))


def test_the_pass_of_schedules_begins_before_the_minute_that_it_waits_for():
    schedules.ensure()
    row = Schedule.objects.get(func="workflows.intake.schedules.run")
    assert (row.next_run.second, row.minutes) == (schedules.AT_SECOND[row.func], 1)
    assert row.calculate_next_run().second == row.next_run.second
