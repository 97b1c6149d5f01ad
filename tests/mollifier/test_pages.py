import uuid

import pytest
from django_redis import get_redis_connection

from mollifier import buffer, keys, pages
from mollifier.decision import Scope
from mollifier.entry import Fail, Requeue, State
from mollifier.errors import BufferUnavailable
from tests.mollifier.makers import ACME, NOW_MS, accept


def ids_of(page):
    return [line.id for line in page.lines]


def test_pages_follow_each_other_from_the_last_accepted_to_the_first():
    ids = accept(12, now_ms=NOW_MS)
    accept(3, Scope("acme", "staging"))
    seen, before = [], None
    while True:
        page = pages.read(ACME, before=before, limit=5)
        seen += ids_of(page)
        before = page.before
        if before is None:
            break
    assert seen == ids[::-1]


def test_a_page_may_hold_one_state_only():
    ids = accept(6, now_ms=NOW_MS)
    claimed = buffer.claim(uuid.uuid4().hex, 3, 60_000, now_ms=NOW_MS)
    reports = [Fail(ids[0], "dead"), Requeue(ids[1], 60_000, True, "later")]
    buffer.settle(claimed.token, reports, now_ms=NOW_MS)
    found = {state: ids_of(pages.read(ACME, state)) for state in State}
    assert found[State.FAILED] == [ids[0]]
    assert found[State.DELAYED] == [ids[1]]
    assert found[State.LEASED] == [ids[2]]
    assert found[State.QUEUED] == ids[:2:-1]
    (line,) = pages.read(ACME, State.FAILED).lines
    assert (line.entry.error, line.state, line.seq) == ("dead", State.FAILED, line.entry.seq)


def test_a_page_that_ends_early_says_where_to_go_on(monkeypatch):
    monkeypatch.setattr(pages, "LOOKED_AT", 4)
    ids = accept(10, now_ms=NOW_MS)
    claimed = buffer.claim(uuid.uuid4().hex, 10, 60_000, now_ms=NOW_MS)
    buffer.settle(claimed.token, [Fail(ids[0], "dead")], now_ms=NOW_MS)
    first = pages.read(ACME, State.FAILED)
    assert (first.lines, first.before) == ((), claimed.entries[6].seq)
    second = pages.read(ACME, State.FAILED, first.before)
    assert ids_of(pages.read(ACME, State.FAILED, second.before)) == [ids[0]]


def test_an_entry_that_can_not_be_read_has_its_line():
    (one,) = accept(1)
    redis = get_redis_connection("buffer")
    name = keys.key("entry") + str(one)
    redis.set(name, redis.get(name).replace(b"1 ", b"9 ", 1))
    (line,) = pages.read(ACME).lines
    assert (line.id, line.entry) == (one, None)


def test_an_empty_environment_has_an_empty_page():
    assert pages.read(ACME) == pages.Page((), None)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so():
    with pytest.raises(BufferUnavailable):
        pages.read(ACME)


def test_an_entry_that_can_not_be_read_hides_no_other():
    spoilt, fine = accept(2)
    redis = get_redis_connection("buffer")
    name = keys.key("entry") + str(spoilt)
    redis.set(name, redis.get(name).replace(b"1 ", b"9 ", 1))
    assert [entry.id for entry in pages.oldest(10)] == [fine]


def test_the_newest_of_every_state_follow_each_other_by_sequence_whatever_their_ids(monkeypatch):
    monkeypatch.setattr(pages, "AT_ONCE", 3)
    ids = accept(11, now_ms=NOW_MS)
    claimed = buffer.claim(uuid.uuid4().hex, 4, 60_000, now_ms=NOW_MS)
    buffer.settle(claimed.token, [Fail(ids[0], "dead"), Requeue(ids[1], 60_000, True, "later")], now_ms=NOW_MS)
    accept(3, Scope("acme", "staging"))
    found, before, parts = [], None, 0
    while parts == 0 or before is not None:
        part = pages.newest(ACME, before, 4)
        found, before, parts = [*found, *part.entries], part.before, parts + 1
    assert [entry.id for entry in found] == ids[::-1]
    assert parts == 3
    assert {entry.state for entry in found} == {State.FAILED, State.DELAYED, State.LEASED, State.QUEUED}


def test_what_holds_many_bytes_is_told_in_shorter_parts(monkeypatch):
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    monkeypatch.setattr(buffer, "LISTED_BYTES", 1)
    ids = accept(5, now_ms=NOW_MS)
    part = pages.newest(ACME, None, 5)
    assert [entry.id for entry in part.entries] == ids[:-3:-1]
    assert [entry.id for entry in pages.newest(ACME, part.before, 5).entries] == ids[2:0:-1]


def test_the_oldest_of_all_are_found_in_few_deep_queues_and_in_many_shallow_ones():
    deep = Scope("deep", "production")
    ids = accept(9, deep)
    ids += [id_ for number in range(20) for id_ in accept(1, Scope(f"org-{number % 5}", "production"))]
    ids += accept(3, deep)
    assert [entry.id for entry in pages.oldest(1)] == ids[:1]
    assert [entry.id for entry in pages.oldest(12)] == ids[:12]
    assert [entry.id for entry in pages.oldest(100)] == ids
    assert [entry.id for entry in pages.oldest(2, "org-4")] == ids[13:19:5]
