"""Clearing the buffer in bulk."""

from datetime import UTC, datetime, timedelta

import pytest
from django_redis import get_redis_connection
from uuid_utils.compat import uuid7

from mollifier import buffer, gate, keys, patches
from mollifier.decision import Arrival, Binding, Mollify, Reason
from mollifier.entry import Fail, State
from tests import tenants
from workflows import audit, engine, snapshot
from workflows.audit import Act, Actor
from workflows.cleanup.batches import Tally, Walk
from workflows.intake import clearing, lookup, refresher
from workflows.intake.clearing import Selection
from workflows.intake.lookup import LookupUnavailable
from workflows.models import AuditRecord, Event, Instance, Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def env():
    return tenants.seen(tenants.make_env(mode="on", limit=1))


def accept(env, count=1, definition="greet", **fields):
    """Buffer triggers, whatever the limits say; return their ids."""
    ours = {"org_id": env.org.id, "env_id": env.id, "definition": definition}
    made = [tenants.trigger(**ours, **fields) for _ in range(count)]
    for trigger in made:
        key = trigger.idempotency_key
        arrival = Arrival(
            id=trigger.id,
            scope=lookup.scope_of(env),
            rollout=refresher.current().rollout(env.org.id, env.id),
            snapshot=snapshot.encode(trigger),
            binding=Binding(definition, key, "f") if key else None,
        )
        assert isinstance(gate.admit(arrival, force=Reason.DATABASE_UNAVAILABLE), Mollify)
    return [trigger.id for trigger in made]


def selection(env, **fields):
    return Selection(envs=(env,), **fields)


def remove(chosen, how=None):
    return clearing.remove(clearing.find(chosen), how or Walk())


def buffered(env, ids):
    return {entry.id for entry in buffer.read_many(lookup.scope_of(env), ids)}


def fail(env):
    """Make a dead letter of everything that is queued."""
    claimed = buffer.claim(uuid7().hex, 100, 60_000)
    buffer.settle(claimed.token, [Fail(entry.id, "why") for entry in (*claimed.entries, *claimed.unreadable)])


def test_what_is_removed_never_becomes_an_instance(env):
    ids = accept(env, 5)
    assert remove(selection(env)) == Tally(done=5, batches=1)
    assert buffered(env, ids) == set()
    assert not Instance.objects.exists()


def test_only_what_the_selection_names_is_meant(env):
    other = tenants.seen(tenants.make_env("other", mode="on", limit=1))
    (dead,) = accept(env)
    fail(env)
    queued, foreign, sneeze = accept(env, 2), accept(other), accept(env, 1, "sneeze")
    chosen = selection(env, states=(State.QUEUED,), workflows=("greet",))
    counted = clearing.count(chosen)
    assert (counted.count, set(counted.sample)) == (2, set(queued))
    assert counted.groups == {(env, "greet", State.QUEUED): 2}
    assert remove(chosen).done == 2
    assert buffered(env, [dead, *queued, *sneeze]) == {dead, *sneeze}
    assert buffered(other, foreign) == set(foreign)


def test_entries_are_meant_by_the_event_they_come_from(env):
    ordered, other = accept(env, 1, event_type="order.created"), accept(env, 1)
    assert clearing.cancel(selection(env, events=("order.created",)), "a storm", Walk()).done == 1
    assert buffered(env, [*ordered, *other]) == set(other)


def test_entries_are_meant_by_when_they_were_accepted(env):
    (old,) = accept(env)
    between = datetime.now(UTC)
    (young,) = accept(env)
    assert remove(selection(env, before=between)).done == 1
    assert buffered(env, [old, young]) == {young}
    assert clearing.count(selection(env, before=between - timedelta(days=1))).count == 0


def test_what_a_drainer_holds_is_not_meant(env):
    held = accept(env)
    buffer.claim(uuid7().hex, 100, 60_000)
    assert remove(selection(env)).done == 0
    assert buffered(env, held) == set(held)


def test_what_a_drainer_takes_meanwhile_is_left_and_told(env):
    ids = accept(env, 2)
    found = list(clearing.find(selection(env)))
    buffer.claim(uuid7().hex, 1, 60_000)
    tally = clearing.remove(iter(found), Walk())
    assert (tally.done, tally.busy, tally.complete) == (1, 1, False)
    assert buffered(env, ids) == {ids[0]}


def test_a_repeat_of_a_stopped_removal_goes_on(env):
    ids, pages = accept(env, clearing.PAGE + 10), []
    tally = remove(selection(env), Walk(stop=lambda: len(pages) == 1, told=pages.append))
    assert (tally.done, tally.stopped) == (clearing.PAGE, True)
    assert remove(selection(env)).done == 10
    assert buffered(env, ids) == set()


def test_a_walk_that_finds_nothing_can_be_stopped_too():
    empty = iter([[], []])
    assert clearing.remove(empty, Walk(stop=lambda: True)).stopped
    assert list(empty) == [[]]


def test_a_removal_ends_at_its_cap_of_pages(env):
    accept(env, clearing.PAGE + 1)
    tally = remove(selection(env), Walk(most=1))
    assert (tally.done, tally.capped, tally.complete) == (clearing.PAGE, True, False)


def test_a_dead_letter_that_can_not_be_read_can_be_removed(env):
    (one,) = accept(env)
    redis, name = get_redis_connection("buffer"), keys.key("entry") + str(one)
    redis.set(name, redis.get(name).replace(b"1 ", b"9 ", 1))
    fail(env)
    (page,) = clearing.find(selection(env))
    assert (page[0].entry, page[0].definition) == (None, "unreadable")
    assert remove(selection(env)).done == 1


def test_what_is_cancelled_becomes_a_cancelled_instance_quietly(env):
    ids = accept(env, 3)
    record = audit.begin(Act(verb="v", actor=Actor("x"), reason="r"))
    assert clearing.cancel(selection(env), "a storm", Walk(record=record)).done == 3
    rows = list(Instance.objects.filter(id__in=ids))
    assert {(row.status, row.error_message, row.last_seq) for row in rows} == {("cancelled", "a storm", 2)}
    assert Event.objects.filter(type="cancelled", instance_id__in=ids).count() == 3
    assert not Outbox.objects.exists()
    assert buffered(env, ids) == set()
    assert AuditRecord.objects.get(pk=record).count == 3


def test_a_cancelled_one_keeps_its_idempotency_key(env):
    accept(env, 1, idempotency_key="k")
    clearing.cancel(selection(env), "a storm", Walk())
    binding = next(get_redis_connection("buffer").scan_iter(keys.key("binding") + "*"))
    assert get_redis_connection("buffer").pttl(binding) > 0
    assert Instance.objects.get().idempotency_key == "k"


def test_one_whose_row_a_drainer_wrote_is_left_to_it_with_what_it_emitted(env):
    (one,) = accept(env)
    (page,) = clearing.find(selection(env))
    trigger = snapshot.decode(page[0].entry.snapshot)
    engine.start(trigger)
    Outbox.objects.create(
        instance_id=one, org_id=env.org.id, env_id=env.id, type="t", key="k", payload={}, created_at=datetime.now(UTC)
    )
    tally = clearing.cancel(selection(env), "a storm", Walk())
    assert (tally.done, tally.busy) == (0, 1)
    assert Instance.objects.get().status == "pending"
    assert Outbox.objects.count() == 1
    assert buffered(env, [one]) == {one}


def test_one_that_was_cancelled_before_is_left_to_the_drainer(env):
    (one,) = accept(env)
    patches.cancel(lookup.scope_of(env), one, "by hand")
    assert clearing.cancel(selection(env), "a storm", Walk()) == Tally()
    assert buffered(env, [one]) == {one}


def test_which_ids_are_still_buffered_is_told(env):
    ids = accept(env, 2)
    assert clearing.buffered_among([*ids, uuid7()]) == set(ids)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so(env):
    with pytest.raises(LookupUnavailable):
        remove(selection(env))
    with pytest.raises(LookupUnavailable):
        clearing.buffered_among([uuid7()])
