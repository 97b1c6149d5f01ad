import pytest

from workflows import sharding


@pytest.mark.parametrize(
    ("text", "value"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968), ("chongo was here!\n", 0xD49930D5)]
)
def test_the_hash_is_fnv1a_as_published(text, value):
    assert sharding.fnv1a_32(text) == value


def test_keys_spread_over_the_shards():
    counts = [0] * 4
    for number in range(4000):
        counts[sharding.shard_for(f"instance-{number}", 4)] += 1
    assert min(counts) > 800


@pytest.mark.parametrize(("stored", "read"), [(None, 0), (-1, 0), (4, 0), (99, 0), (0, 0), (3, 3)])
def test_an_index_that_is_no_shard_reads_as_0(stored, read):
    assert sharding.safe_shard(stored, 4) == read
