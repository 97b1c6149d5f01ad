"""check_setup as scripts and people read it."""

import json

import pytest
from django.core.management import call_command

from tests.mollifier import right


@pytest.fixture
def redis(db):
    with right.setup() as client:
        yield client


def test_the_command_prints_one_object_and_ends_with_the_verdict(redis, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("check_setup", "--json")
    assert ended.value.code == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"]
    assert {check["name"] for check in answer["checks"]} >= {"PostgreSQL", "Redis", "migrations", "schedules"}


def test_the_command_tells_people_the_fix(redis, capsys):
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("appendonly", "no")
    with pytest.raises(SystemExit) as ended:
        call_command("check_setup")
    assert ended.value.code == 1
    told = capsys.readouterr().out
    assert "WRONG  eviction: allkeys-lru; set maxmemory-policy noeviction" in told
    assert " note  append-only file: off; durability aof; set appendonly yes" in told
