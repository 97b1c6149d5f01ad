"""Mirror mode: a trigger over the limit starts, and a copy is kept until it was compared with its row."""

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, gate, keys, mirror, pages, patches, stats
from mollifier.decision import Mirrored, Mode, Passed, PassThrough, Reason
from mollifier.entry import Comparison, NotFound
from tests.mollifier.makers import ACME, NOW_MS, accept, arrival
from tests.mollifier.memory import MemoryMaterialiser

ROOM = PassThrough(Passed.ROOM)
DUE_MS = NOW_MS + 5_000


def over_the_limit(count=1, **fields):
    """Mirror so many; the first trigger of the environment passes."""
    gate.admit(arrival(mode=Mode.MIRROR, limit=1), now_ms=NOW_MS)
    made = [arrival(mode=Mode.MIRROR, limit=1, **fields) for _ in range(count)]
    for one in made:
        assert isinstance(gate.admit(one, now_ms=NOW_MS), Mirrored)
    return made


@pytest.fixture
def rows():
    return MemoryMaterialiser()


def test_what_is_over_the_limit_is_mirrored_and_the_first_asks_for_a_drainer():
    assert gate.admit(arrival(mode=Mode.MIRROR, limit=1), now_ms=NOW_MS) == ROOM
    decisions = [gate.admit(arrival(mode=Mode.MIRROR, limit=1), now_ms=NOW_MS) for _ in range(2)]
    assert decisions == [Mirrored(Reason.ENV_RATE, 1, 1, wake=True), Mirrored(Reason.ENV_RATE, 1, 1, wake=False)]


def test_nobody_takes_a_mirrored_entry_for_a_buffered_one():
    (one,) = over_the_limit()
    assert buffer.read(ACME, one.id) is None
    assert list(pages.newest(ACME, None, 10).entries) == pages.oldest(10) == []
    assert patches.cancel(ACME, one.id, "why") == NotFound()
    assert buffer.claim("t", 10, 60_000, now_ms=DUE_MS).entries == ()
    assert (stats.overview().buffered, stats.overview().mirrored) == (0, 1)
    assert gate.admit(arrival(mode=Mode.MIRROR, limit=1), now_ms=NOW_MS + 1_000) == ROOM, "it is no backlog"


def test_it_is_compared_when_its_row_had_time_to_be_written(rows):
    there, _absent = over_the_limit(2, snapshot=b"\x00any")
    rows.rows[there.id] = "started"
    assert mirror.compare(rows, now_ms=DUE_MS - 1) == {}
    assert mirror.compare(rows, now_ms=DUE_MS) == {Comparison.EQUAL: 1, Comparison.MISSING: 1}
    assert mirror.compare(rows, now_ms=DUE_MS + 120_000) == {}
    assert stats.overview().mirrored == 0
    assert not list(get_redis_connection("buffer").scan_iter(keys.key("mirror") + "*"))


def test_a_comparison_that_dies_is_made_again_after_a_minute_and_counted_once(rows):
    over_the_limit()
    rows.away = True
    with pytest.raises(ConnectionError):
        mirror.compare(rows, now_ms=DUE_MS)
    rows.away = False
    assert mirror.compare(rows, now_ms=DUE_MS + 59_000) == {}
    assert mirror.compare(rows, now_ms=DUE_MS + 60_000) == {Comparison.MISSING: 1}
    assert stats.counters()["mirrored:missing"] == 1


def test_one_that_can_not_be_read_is_counted_and_dropped(rows):
    (one,) = over_the_limit()
    get_redis_connection("buffer").set(keys.key("mirror") + str(one.id), "9 damaged")
    assert mirror.compare(rows, now_ms=DUE_MS) == {Comparison.UNREADABLE: 1}
    assert stats.overview().mirrored == 0


def test_over_a_cap_it_is_skipped_and_counted(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_TOTAL_ENTRIES": 3}
    accept(2)
    decisions = [type(gate.admit(arrival(mode=Mode.MIRROR, limit=1))).__name__ for _ in range(3)]
    assert decisions == ["Mirrored", "ShadowLog", "ShadowLog"]
    assert stats.counters()["mirrored:skipped"] == 2
    accept(1)


def test_the_same_id_is_mirrored_once():
    (one,) = over_the_limit()
    gate.admit(one, now_ms=NOW_MS)
    assert stats.overview().mirrored == 1
