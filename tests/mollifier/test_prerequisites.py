"""What check_setup sees on servers that are right, and on each that is wrong."""

import time

import pytest
from django.db import connection
from django_q.models import Schedule
from redis.exceptions import ConnectionError as RedisConnectionError

from mollifier import prerequisites
from tests.mollifier import right

HEALED = ("mollifier.tasks.drain", "workflows.tasks.ensure_pumps")


@pytest.fixture
def redis(db):
    with right.setup() as client:
        yield client


def wrong():
    return {finding.name: finding for finding in prerequisites.examine() if finding.wrong and finding.required}


def test_servers_as_bin_up_starts_them_are_right(redis):
    assert wrong() == {}


def test_a_server_that_evicts_is_wrong(redis):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    assert "noeviction" in wrong()["eviction"].fix


def test_a_server_without_an_append_only_file_is_wrong_where_each_write_is_to_be_synced(redis, settings):
    redis.config_set("appendonly", "no")
    assert wrong() == {}
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DURABILITY": "synced"}
    assert "appendonly yes" in wrong()["append-only file"].fix


def test_a_missing_schedule_is_named(redis):
    Schedule.objects.filter(func=HEALED[0]).delete()
    assert HEALED[0] in wrong()["schedules"].seen


def test_a_schedule_that_has_ended_does_not_count(redis):
    Schedule.objects.filter(func=HEALED[1]).update(repeats=0)
    assert HEALED[1] in wrong()["schedules"].seen


def test_a_migration_that_was_not_applied_is_wrong(redis):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'workflows'")
    assert "not applied" in wrong()["migrations"].seen


def test_clocks_that_differ_by_more_than_a_second_are_advice():
    now = time.time()
    skewed = prerequisites._skew("clock", now + 2, now)
    assert (skewed.wrong, skewed.required) == (True, False)
    assert not prerequisites._skew("clock", now + 0.5, now).wrong


def test_a_cluster_that_does_not_run_is_advice_and_no_fault(redis):
    advice = [finding for finding in prerequisites.examine() if finding.name == "clusters"]
    assert [finding.required for finding in advice] == [False]
    assert prerequisites.as_json(advice)["ok"]


def test_an_unreachable_server_is_one_finding_and_leaves_the_others_out():
    def refuse():
        raise RedisConnectionError("Connection refused\nmore")
        yield

    found = list(prerequisites._reached("Redis", refuse, (refuse,)))
    assert [(finding.name, finding.seen) for finding in found] == [("Redis", "Connection refused")]


@pytest.mark.parametrize(("version", "numbers"), [("7.2.4", (7, 2)), ("8.1", (8, 1)), ("10.0.0", (10, 0))])
def test_versions_are_compared_as_numbers(version, numbers):
    assert prerequisites._numbers(version) == numbers
