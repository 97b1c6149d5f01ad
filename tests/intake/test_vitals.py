"""A process knows which of its parts answer."""

import pytest
from django_redis import get_redis_connection

from launch import process
from mollifier import gate
from tests.waiting import until
from workflows.intake import refresher, vitals


@pytest.mark.django_db
def test_with_all_its_parts_everything_is_ok():
    refresher.refresh()
    assert vitals.check() == {"database": "ok", "directory": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_without_redis_only_redis_is_away(settings):
    refresher.refresh()
    dead = f"redis://127.0.0.1:{process.free_port()}/0?client_name=gate"
    settings.CACHES = {**settings.CACHES, "gate": {**settings.CACHES["gate"], "LOCATION": dead}}
    assert vitals.check() == {"database": "ok", "directory": "ok", "redis": "unavailable"}
    gate.breaker.succeeded()


def test_a_redis_that_refuses_to_answer_is_away(settings):
    location = settings.CACHES["gate"]["LOCATION"].replace("redis://", "redis://nobody:nothing@")
    redis = get_redis_connection("buffer")
    redis.execute_command("ACL", "SETUSER", "nobody", "on", ">nothing", "-@all", "+client", "+hello")
    settings.CACHES = {**settings.CACHES, "gate": {**settings.CACHES["gate"], "LOCATION": location}}
    assert vitals.redis() == "unavailable"
    redis.execute_command("ACL", "DELUSER", "nobody")


def test_without_a_database_the_directory_serves_on(outage):
    refresher.refresh()
    outage.begin()
    assert (vitals.database(), vitals.directory()) == ("unavailable", "ok")
    outage.end()
    assert vitals.database() == "ok"


def test_without_a_database_a_new_process_knows_nothing(outage):
    outage.begin()
    assert (vitals.database(), vitals.directory()) == ("unavailable", "unavailable")


def test_a_directory_that_can_not_be_refreshed_is_degraded(outage, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SNAPSHOT_REFRESH_MS": 20}
    refresher.current()
    outage.begin()
    until(lambda: vitals.directory() == "degraded")
    outage.end()
    until(lambda: vitals.directory() == "ok")
    refresher.forget()
