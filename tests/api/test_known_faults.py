"""What buffers of this kind get wrong for their callers, by the numbers of docs/faults.md."""

from django_redis import get_redis_connection


def test_fault_29_no_part_of_a_callers_key_is_in_redis(smoothed):
    statuses = [smoothed.trigger(payload={"n": number}).status_code for number in range(4)]
    assert 202 in statuses
    redis = get_redis_connection("buffer")
    secret = smoothed.key.split("_")[-1].encode()
    assert len(secret) > 20
    stored = [redis.dump(name) + name for name in redis.scan_iter(count=1000)]
    assert len(stored) > 5
    assert not any(secret in each for each in stored)
