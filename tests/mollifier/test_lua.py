import hashlib

import pytest
from django_redis import get_redis_connection

from mollifier import lua

SCRIPTS = lua.every()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_what_redis_runs(script):
    loaded = get_redis_connection("buffer").script_load(script.text)
    assert loaded in {script.sha, script.sha.encode()}
    assert hashlib.sha1(script.text.encode()).hexdigest() == script.sha


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_may_run_in_a_full_redis_unless_it_accepts(script):
    first = script.text.splitlines()[0]
    assert first == "#!lua" if script.name == "admit" else first.startswith("#!lua flags=")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_decodes_no_json(script):
    assert "cjson" not in script.text


def test_a_call_is_put_together_by_the_names_of_its_slots():
    command = lua.load("extend").command(now=1, token="t", lease_for=2)
    assert command[2:] == (2, "{mollifier:0}:lease:", "{mollifier:0}:leases", 1, "t", 2)


def test_a_missing_argument_is_refused():
    with pytest.raises(KeyError, match="lease_for"):
        lua.load("extend").command(now=1, token="t")


def test_slots_out_of_order_are_refused():
    with pytest.raises(ValueError, match="broken"):
        lua.parse("broken", "-- For a test.\nlocal totals = KEYS[2]\n")
