"""The directory in a process: fresh, through outages and forks."""

import os
import threading
import time
import warnings

import pytest
from django.db import connection

from tests.tenants import make_env
from tests.waiting import until
from workflows.intake import refresher
from workflows.intake.refresher import DirectoryUnavailable
from workflows.models import OrganizationFlags


@pytest.fixture
def refreshing(settings, transactional_db):
    """Look at the database every 20 ms, as processes of the service do every second."""
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SNAPSHOT_REFRESH_MS": 20}
    yield
    refresher.forget()


def mode_of(environment) -> str:
    return refresher.current().flags_of(environment.org_id).mode


def flip(environment, mode: str) -> None:
    flags = OrganizationFlags.objects.get(org_id=environment.org_id)
    flags.mode = mode
    flags.save()


@pytest.mark.django_db
def test_the_first_use_loads_and_the_next_costs_nothing(django_assert_num_queries):
    environment = make_env("acme", "production", mode="on")
    refresher.forget()
    assert mode_of(environment) == "on"
    with django_assert_num_queries(0):
        refresher.current()


def test_a_change_arrives_without_a_request_asking_for_it(refreshing, django_assert_num_queries):
    environment = make_env("acme", "production", mode="off")
    assert mode_of(environment) == "off"
    flip(environment, "on")
    with django_assert_num_queries(0):
        until(lambda: mode_of(environment) == "on")


def test_one_thread_refreshes_however_many_ask(refreshing):
    askers = [threading.Thread(target=refresher.current) for _ in range(8)]
    refresher.refresh()
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [thread.name for thread in threading.enumerate()].count("directory") == 1


def test_an_outage_is_survived_on_the_last_directory_and_seen(refreshing, outage):
    environment = make_env("acme", "production", mode="on")
    assert mode_of(environment) == "on"
    assert not refresher.degraded()
    outage.begin()
    until(refresher.degraded)
    assert mode_of(environment) == "on"
    outage.end()
    flip(environment, "shadow")
    until(lambda: mode_of(environment) == "shadow" and not refresher.degraded())


def test_too_old_a_directory_is_not_served(refreshing, outage, settings):
    make_env()
    refresher.current()
    outage.begin()
    settings.WORKFLOWS = {**settings.WORKFLOWS, "SNAPSHOT_MAX_AGE_SECONDS": 0}
    until(refresher.degraded)
    with pytest.raises(DirectoryUnavailable):
        refresher.current()


def test_without_a_database_there_is_no_first_directory(refreshing, outage):
    outage.begin()
    with pytest.raises(DirectoryUnavailable) as caught:
        refresher.current()
    assert caught.value.code == "directory_unavailable"
    assert refresher.degraded()
    outage.end()
    assert refresher.current().envs == {}


def test_a_forked_child_serves_at_once_and_refreshes_by_itself(refreshing):
    environment = make_env("acme", "production", mode="off")
    assert mode_of(environment) == "off"
    told, tell = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        connection.connection = None
        os.write(tell, mode_of(environment).encode())
        deadline = time.monotonic() + 30
        while mode_of(environment) != "on" and time.monotonic() < deadline:
            time.sleep(0.005)
        os._exit(0 if mode_of(environment) == "on" else 1)
    assert os.read(told, 10) == b"off"
    flip(environment, "on")
    assert os.waitpid(child, 0)[1] == 0
    os.close(told)
    os.close(tell)
