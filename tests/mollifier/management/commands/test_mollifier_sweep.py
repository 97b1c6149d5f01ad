import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django_redis import get_redis_connection

from mollifier import cluster, keys, metrics, stats
from mollifier.management.commands import mollifier_sweep
from tests import servers
from tests.mollifier.makers import accept
from tests.waiting import until

OLD_MS = 3_600_000


def sweep(*options):
    output = StringIO()
    call_command("mollifier_sweep", *options, stdout=output)
    return output.getvalue()


@pytest.fixture
def old():
    """Fifty entries that have waited for an hour."""
    seconds, _ = get_redis_connection("buffer").time()
    return accept(50, now_ms=seconds * 1000 - OLD_MS)


def test_once_tells_what_is_stale_and_where(old):
    accept(10)
    text = sweep("--once")
    assert "50 stale; 1 environments of 1 orgs looked at" in text
    assert "acme/production  60 queued, 50 stale, oldest 36" in text


def test_json_is_one_object(old):
    found = json.loads(sweep("--once", "--json"))
    assert (found["swept"], found["wrapped"], found["stale"], found["orgs"]) == (True, True, 50, 1)
    assert found["oldest"][0]["oldest_age_seconds"] > 3500


def test_another_sweeper_is_left_alone():
    get_redis_connection("buffer").set(keys.key("sweeper"), "another", px=60_000)
    with pytest.raises(SystemExit) as ended:
        sweep("--once")
    assert ended.value.code == 5


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_refuses():
    with pytest.raises(CommandError) as refused:
        sweep("--once")
    assert refused.value.returncode == 1


def test_gauges_are_of_the_buffer_and_not_of_the_process_that_swept(old):
    done = subprocess.run(
        [sys.executable, "manage.py", "mollifier_sweep", "--once", "--json"],
        env=servers.environment(DJANGO_SETTINGS_MODULE="settings.test"),
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(done.stdout)["stale"] == 50
    gauges = {metric.name: metric.samples[0].value for metric in metrics.collect() if metric.type == "gauge"}
    assert gauges["mollifier_stale_entries"] == 50
    swept_at = stats.overview().sweep_last_cycle_at.timestamp()
    assert gauges["mollifier_sweep_last_cycle_timestamp_seconds"] == swept_at > 0


@pytest.mark.processes
def test_it_goes_round_until_it_is_stopped(old):
    child = subprocess.Popen(
        [sys.executable, "manage.py", "mollifier_sweep", "--json"],
        env=servers.environment(DJANGO_SETTINGS_MODULE="settings.test", MOLLIFIER_SWEEP_INTERVAL_SECONDS="0.05"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert [json.loads(child.stdout.readline())["stale"] for _ in range(2)] == [50, 50]
        child.terminate()
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
    until(lambda: not get_redis_connection("buffer").exists(keys.key("sweeper")))


def test_a_stop_ends_the_rest(monkeypatch):
    monkeypatch.setattr(cluster, "stop_requested", lambda: True)
    mollifier_sweep.rest_until(float("inf"))
