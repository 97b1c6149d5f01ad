"""Finding and listing instances while they are buffered and after."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import pytest

from mollifier import buffer, gate
from mollifier.decision import Arrival, Mollify
from tests.intake.draining import claim, drain, settle, write
from tests.tenants import make_env, request, seen, trigger
from workflows import engine, snapshot
from workflows.intake import lookup, refresher, submission
from workflows.intake.lookup import Filters, LookupUnavailable
from workflows.models import Instance
from workflows.states import Status

pytestmark = pytest.mark.django_db
ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


@pytest.fixture
def env():
    return make_env("acme", "production", **ON)


def submit(env, **fields):
    return submission.submit(request(env, **fields)).instance


def ids(page) -> list:
    return [instance.id for instance in page.data]


def test_another_tenants_instance_is_not_found(env):
    stranger = make_env("other", "production", **ON)
    started, buffered = submit(env), submit(env)
    for instance in (started, buffered):
        assert lookup.find(seen(env), instance.id) is not None
        assert lookup.find(seen(stranger), instance.id) is None
        assert lookup.find(seen(make_env("acme", f"env-{instance.id}")), instance.id) is None


def test_an_accepted_id_is_found_at_every_moment_of_its_drain(env):
    submit(env)
    id_ = submit(env).id
    shown = [lookup.find(seen(env), id_).status]
    claimed = claim()
    shown.append(lookup.find(seen(env), id_).status)
    write(claimed.entries)
    shown.append(lookup.find(seen(env), id_).status)
    settle(claimed)
    shown.append(lookup.find(seen(env), id_).status)
    assert shown == ["buffered", "buffered", "buffered", Status.PENDING]


def test_a_row_is_shown_with_its_payload_output_and_error(env):
    id_ = submit(env, payload=b'{"b":1,"a":[1.50,{"deep":null}]}', metadata=b'{"m":1}').id
    engine.cancel(id_, "not wanted", actor="ada")
    found = lookup.find(seen(env), id_)
    assert (found.payload, found.metadata, found.output) == (
        b'{"b":1,"a":[1.50,{"deep":null}]}',
        b'{"m":1}',
        b"null",
    )
    assert (found.status, found.error.code, found.error.message) == (Status.CANCELLED, "cancelled", "not wanted")
    assert (found.last_seq, found.org, found.env) == (2, "acme", "production")
    assert found.finished_at is not None


def test_a_superseded_instance_is_answered_by_the_owner_of_its_key(env):
    submit(env)
    owner = submission.submit(request(env, idempotency_key="k", bufferable=False)).instance
    loser = submit(env, idempotency_key="k")
    assert loser.status == "buffered"
    drain()
    assert Instance.objects.get(id=loser.id).status == Status.SUPERSEDED
    assert lookup.find(seen(env), loser.id).id == owner.id


def test_without_redis_rows_are_found_and_nothing_else_is_denied(env, no_redis):
    started = submit(env)
    assert lookup.find(seen(env), started.id).id == started.id
    with pytest.raises(LookupUnavailable):
        lookup.find(seen(env), request(env).id)
    page = lookup.listing(seen(env))
    assert (ids(page), page.complete) == ([started.id], False)


def test_an_entry_that_can_not_be_read_is_shown_as_such(env):
    submit(env)
    wanted = request(env)
    rollout = refresher.current().rollout(env.org_id, env.id)
    gate.admit(Arrival(wanted.id, lookup.scope_of(seen(env)), rollout, b"\x01broken"))
    found = lookup.find(seen(env), wanted.id)
    assert (found.status, found.notice.code) == ("buffered", "snapshot_invalid")


def test_a_list_is_newest_first_with_buffered_ones_in_their_place(env):
    instances = [submit(env, tags=(f"t{number}",)) for number in range(3)]
    instances.insert(0, submission.submit(request(env, bufferable=False)).instance)
    later_row = submission.submit(request(env, bufferable=False)).instance
    expected = [each.id for each in sorted([*instances, later_row], key=lookup.place, reverse=True)]
    page = lookup.listing(seen(env))
    assert ids(page) == expected
    assert {each.status for each in page.data} == {"buffered", Status.PENDING}
    assert page.next_cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
def test_ids_that_say_nothing_of_time_stand_where_they_were_accepted(env, limit):
    made = [submit(env, id=uuid4(), bufferable=number % 2 == 0).id for number in range(9)]
    assert made != sorted(made)
    pages_, cursor = [], None
    while not pages_ or cursor is not None:
        page = lookup.listing(seen(env), cursor=cursor, limit=limit)
        pages_.append(ids(page))
        cursor = page.next_cursor
    assert [id_ for each in pages_ for id_ in each] == made[::-1]


def test_what_is_drained_between_two_pages_is_neither_lost_nor_shown_twice(env):
    made = [submit(env, id=uuid4()).id for _ in range(9)]
    first = lookup.listing(seen(env), limit=4)
    drain()
    submit(env)
    second = lookup.listing(seen(env), cursor=first.next_cursor, limit=50)
    assert (ids(first), ids(second)) == (made[:4:-1], made[4::-1])
    assert second.next_cursor is None


@pytest.mark.parametrize("seed", range(8))
def test_what_the_buffers_clock_orders_otherwise_is_neither_lost_nor_shown_twice(env, seed):
    chance, now = Random(seed), datetime.now(UTC)
    accepted = [now - timedelta(milliseconds=ago) for ago in chance.sample(range(30), 14)]
    # The first one uses up what the gate passes; the next find it shut.
    made = [submit(env, id=uuid4(), bufferable=number == 0).id for number in range(7)]
    for id_, accepted_at in zip(made, accepted, strict=False):
        Instance.objects.filter(id=id_).update(accepted_at=accepted_at)
    made += [wait(env, accepted_at) for accepted_at in accepted[7:]]
    for limit in (1, 2, 4):
        found, cursor = [], None
        while not found or cursor is not None:
            page = lookup.listing(seen(env), cursor=cursor, limit=limit)
            found += ids(page)
            cursor = page.next_cursor
        assert sorted(found) == sorted(made)


def wait(env, accepted_at: datetime) -> UUID:
    """Put one into the buffer that another clock accepted at this time."""
    late = trigger(env, id=uuid4(), accepted_at=accepted_at)
    rollout = refresher.current().rollout(env.org_id, env.id)
    assert isinstance(gate.admit(Arrival(late.id, lookup.scope_of(seen(env)), rollout, snapshot.encode(late))), Mollify)
    return late.id


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_hold_each_instance_once(env, limit):
    made = [submission.submit(request(env, bufferable=number % 3 == 0)).instance.id for number in range(10)]
    seen_ids, cursor = [], None
    for _ in range(20):
        page = lookup.listing(seen(env), cursor=cursor, limit=limit)
        seen_ids += ids(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen_ids == made[::-1]


def test_an_instance_whose_row_is_written_but_not_settled_is_listed_once_as_its_row(env):
    submit(env)
    buffered = submit(env)
    write(claim().entries)
    assert buffer.read(lookup.scope_of(seen(env)), buffered.id) is not None
    page = lookup.listing(seen(env))
    assert [each.status for each in page.data if each.id == buffered.id] == [Status.PENDING]
    assert ids(lookup.listing(seen(env), Filters(status="buffered"))) == []


def test_filters_hold_for_rows_and_entries_alike(env):
    row = submit(env, tags=("vip", "a"))
    entry = submit(env, tags=("vip", "b"))
    submit(env, tags=("other",))
    listed = {
        "tag": Filters(tag="vip"),
        "definition": Filters(definition="greet", tag="vip"),
        "none": Filters(definition="unheard-of"),
        "buffered": Filters(status="buffered", tag="vip"),
        "pending": Filters(status="pending"),
        "since": Filters(since=datetime.now(UTC) + timedelta(minutes=1)),
        "past": Filters(since=datetime.now(UTC) - timedelta(minutes=1), tag="vip"),
    }
    found = {name: ids(lookup.listing(seen(env), filters)) for name, filters in listed.items()}
    both = [entry.id, row.id]
    assert found == {
        "tag": both,
        "definition": both,
        "none": [],
        "buffered": [entry.id],
        "pending": [row.id],
        "since": [],
        "past": both,
    }


def test_a_page_looks_at_a_bounded_number_of_entries_and_goes_on_from_there(env, monkeypatch):
    monkeypatch.setattr(lookup, "MAX_ENTRIES", 4)
    old = submit(env, tags=("rare",))
    for _ in range(12):
        submit(env)
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = lookup.listing(seen(env), Filters(tag="rare"), cursor, limit=1)
        pages.append(ids(page))
        cursor = page.next_cursor
    assert [id_ for page in pages for id_ in page] == [old.id]
    assert 2 < len(pages) < 10


def test_a_list_is_a_handful_of_queries(env, django_assert_max_num_queries):
    for number in range(20):
        submission.submit(request(env, bufferable=number % 2 == 0))
    seen(env)
    with django_assert_max_num_queries(1):
        assert len(lookup.listing(seen(env)).data) == 20


def test_a_log_is_read_from_a_number_on_and_is_empty_while_buffered(env):
    row, entry = submit(env), submit(env)
    engine.cancel(row.id, "why", actor="ada")
    log = lookup.read_log(seen(env), row.id)
    assert ([event.type for event in log.events], log.last_seq) == (["created", "cancelled"], 2)
    assert [event.seq for event in lookup.read_log(seen(env), row.id, after=1).events] == [2]
    assert lookup.read_log(seen(env), entry.id) == lookup.Log((), 0)
    assert lookup.read_log(seen(env), request(env).id) is None


def test_many_are_found_wherever_they_are_in_one_question(env, django_assert_max_num_queries):
    row, entries = submit(env), [submit(env) for _ in range(20)]
    gone = request(env).id
    wanted = [row.id, *(entry.id for entry in entries), gone]
    seen(env)
    with django_assert_max_num_queries(1):
        found = lookup.find_many(seen(env), wanted)
    assert set(found) == {row.id, *(entry.id for entry in entries)}


def test_a_page_of_large_entries_is_shorter_and_the_next_goes_on(env, monkeypatch):
    monkeypatch.setattr(buffer, "READ_BYTES", 3_000)
    monkeypatch.setattr(buffer, "LISTED_BYTES", 6_000)
    made = [submit(env, payload=b'"' + b"x" * 1_000 + b'"').id for _ in range(40)]
    pages, cursor = [], None
    while not pages or cursor is not None:
        page = lookup.listing(seen(env), cursor=cursor, limit=100)
        pages.append(ids(page))
        cursor = page.next_cursor
    assert [id_ for page in pages for id_ in page] == made[::-1]
    assert max(map(len, pages)) < 20
