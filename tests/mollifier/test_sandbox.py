import pytest
from django_redis import get_redis_connection

from mollifier import keys, sandbox
from mollifier.errors import BufferUnavailable, SandboxBusy
from mollifier.sandbox import PARTITION, Sandbox

PREFIX = keys.key("totals", PARTITION).removesuffix("totals")


def keys_left():
    return list(get_redis_connection("buffer").scan_iter(match=PREFIX + "*"))


def test_one_has_it_at_a_time():
    with Sandbox():
        with pytest.raises(SandboxBusy), Sandbox():
            pass
        assert len(keys_left()) == 1
    with Sandbox():
        pass
    assert keys_left() == []


def test_what_a_killed_one_left_is_gone_before_the_next():
    redis = get_redis_connection("buffer")
    redis.hset(f"{PREFIX}totals", "n", 7)
    redis.zadd(f"{PREFIX}queue:acme/production", {"an-id": 1})
    redis.set(f"{PREFIX}hold:acme/production", 9e18)
    redis.set("beside", "stays")
    with Sandbox() as ours:
        assert ours.call([("EXISTS", f"{PREFIX}totals"), ("EXISTS", f"{PREFIX}hold:acme/production")]) == [0, 0]
    assert keys_left() == []
    assert redis.get("beside") == b"stays"


def test_one_that_lost_its_place_goes_no_further():
    with Sandbox() as ours:
        get_redis_connection("buffer").delete(keys.key("drainer", PARTITION))
        with pytest.raises(SandboxBusy):
            ours.call([("TIME",)])


def test_one_that_lost_its_place_to_another_leaves_that_alone():
    with Sandbox() as first:
        get_redis_connection("buffer").delete(keys.key("drainer", PARTITION))
        second = Sandbox()
        second.__enter__()
        with pytest.raises(SandboxBusy):
            first.call([("TIME",)])
    assert second.call([("ECHO", "still here")]) == [b"still here"]
    second.__exit__()


def test_keys_are_deleted_by_name_and_its_own_place_is_kept():
    with Sandbox() as ours:
        ours.call([("SET", f"{PREFIX}paused", "1")])
        ours.delete([f"{PREFIX}paused", f"{PREFIX}nothing", keys.key("drainer", PARTITION)])
        assert keys_left() == [keys.key("drainer", PARTITION).encode()]
        assert sandbox.LEASE_MS >= get_redis_connection("buffer").pttl(keys.key("drainer", PARTITION)) > 0


@pytest.mark.usefixtures("no_redis")
def test_without_redis_there_is_none():
    with pytest.raises(BufferUnavailable), Sandbox():
        pass
