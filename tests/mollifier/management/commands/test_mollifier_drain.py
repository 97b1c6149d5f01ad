import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django_redis import get_redis_connection

from mollifier import lua
from mollifier.drainer import DrainReport
from mollifier.lead import Lead
from mollifier.management.commands.mollifier_drain import added
from tests.mollifier.makers import accept
from tests.mollifier.memory import MemoryMaterialiser

WRITTEN = MemoryMaterialiser()


def shared_materialiser():
    """What MATERIALISER names in these tests."""
    return WRITTEN


@pytest.fixture(autouse=True)
def written(settings):
    place = "tests.mollifier.management.commands.test_mollifier_drain.shared_materialiser"
    settings.MOLLIFIER = {**settings.MOLLIFIER, "MATERIALISER": place}
    WRITTEN.__init__()
    return WRITTEN


def drain(*options):
    output = StringIO()
    call_command("mollifier_drain", *options, stdout=output)
    return output.getvalue()


def test_once_drains_all_there_is(written):
    ids = accept(5)
    report = json.loads(drain("--once", "--json"))
    assert sorted(written.rows) == sorted(ids)
    assert (report["settled"], report["waiting"], report["led"]) == (5, 0, True)


def test_it_makes_the_scripts_known_when_it_starts():
    redis = get_redis_connection("buffer")
    redis.script_flush()
    drain("--once")
    assert all(redis.script_exists(*[script.sha for script in lua.every()]))


def test_seconds_bound_the_time(written):
    accept(3)
    assert "settled 3" in drain("--seconds", "1")


def test_once_beside_another_drainer_says_that_the_lead_is_taken(capsys):
    Lead(60_000).take()
    with pytest.raises(SystemExit) as ended:
        drain("--once")
    assert ended.value.code == 5


def test_with_drain_off_it_refuses(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DRAIN": False}
    with pytest.raises(SystemExit) as ended:
        drain("--once")
    assert ended.value.code == 1


def test_runs_add_up_and_what_waits_is_the_latest():
    total = added(DrainReport(led=True, settled=2, waiting=9), DrainReport(settled=3, claims=1, waiting=4))
    assert total == DrainReport(led=True, settled=5, claims=1, waiting=4)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_that_is_none_is_a_usage_error(seconds):
    with pytest.raises(CommandError, match="is not above 0"):
        drain("--seconds", seconds)
