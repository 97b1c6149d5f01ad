"""The count of what is live, apart from the damper's own."""

from uuid import uuid4

import pytest

from bench.chaos import sampler
from bench.chaos.sampler import Looks, Seen, Watcher
from tests.bound import bind, emitted
from tests.tenants import make_env
from tests.waiting import until
from workflows.intake import events
from workflows.models import Instance

ON = {"mode": "on", "limit": 1, "window_ms": 200, "hold_ms": 60_000}
A, B, C = (uuid4() for _ in range(3))


def test_an_id_in_both_stores_counts_once() -> None:
    looks = Looks(limit=2)
    looks.add([("d", "t", A), ("d", "t", B)], [("d", "t", B), ("d", "other", C)], 100.0, 100.1)
    assert looks.groups == {"d t": Seen(2, 2, 100.1), "d other": Seen(1, 0, None)}


def test_the_largest_is_kept_and_when_it_was_first_at_the_limit() -> None:
    looks = Looks(limit=1)
    looks.add([], [("d", "t", A)], 1.0, 1.1)
    looks.add([], [("d", "t", A), ("d", "t", B)], 2.0, 2.1)
    looks.add([], [], 3.0, 3.1)
    assert looks.groups == {"d t": Seen(2, 0, 1.1)}


def test_a_look_that_took_too_long_is_no_evidence() -> None:
    looks = Looks(limit=1)
    looks.add([("d", "t", A)], [("d", "t", B)], 1.0, 1.0 + sampler.TOO_LONG_SECONDS + 0.1)
    assert (looks.groups, looks.retaken) == ({}, 1)
    assert looks.as_dict()["looks"] == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_buffered_and_what_is_a_row_are_both_seen_and_what_ended_is_not() -> None:
    env = make_env(**ON)
    bind("order.created", limit=50)
    for number in range(5):
        events.submit_matching(emitted(env, key=f"evt-{number}"))
    assert {each[:2] for each in sampler.buffered(env.org_id, env.id)} == {("greet", "order.created")}
    assert (len(sampler.buffered(env.org_id, env.id)), len(sampler.live(env.org_id, env.id))) == (4, 1)
    watcher = Watcher()
    watcher.begin(str(env.org_id), str(env.id), 5)
    until(lambda: len(watcher.looks.took) >= 2, 30)
    seen = watcher.end()
    assert seen["groups"]["greet order.created"]["most"] == 5
    assert seen["groups"]["greet order.created"]["most_buffered"] == 4
    assert seen["groups"]["greet order.created"]["full_at"] is not None
    Instance.objects.update(finished_at=Instance.objects.get().created_at)
    assert sampler.live(env.org_id, env.id) == []


def test_one_that_never_began_saw_nothing() -> None:
    assert Watcher().end()["groups"] == {}
