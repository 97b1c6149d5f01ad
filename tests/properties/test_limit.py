"""In any window at most N pass, whatever the times of arrival and however the limit changes meanwhile."""

import uuid
from collections import defaultdict

from django_redis import get_redis_connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mollifier import gate, keys
from mollifier.decision import Arrival, Limit, Limits, Mode, Passed, PassThrough, Rollout, Scope
from tests.mollifier.makers import NOW_MS, arrival
from tests.properties.lengths import examples

GAPS = st.lists(st.one_of(st.floats(0, 5), st.floats(0, 400)), min_size=1, max_size=60)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=GAPS, limit=st.integers(1, 6), window_ms=st.integers(1, 300), hold_ms=st.integers(0, 300))
def test_no_window_holds_more_passes_than_the_limit(gaps, limit, window_ms, hold_ms):
    get_redis_connection("buffer").flushdb()
    now, passed = NOW_MS, []
    for gap in gaps:
        now += gap
        one = arrival(mode=Mode.SHADOW, limit=limit, window_ms=window_ms, hold_ms=hold_ms)
        if gate.admit(one, now_ms=now) == PassThrough(Passed.ROOM):
            passed.append(int(now * 1000))
    for first, last in zip(passed, passed[limit:], strict=False):
        assert last - first >= window_ms * 1000


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.tuples(st.floats(0, 80), st.integers(1, 6)), min_size=1, max_size=60))
def test_a_limit_that_changes_is_strict_at_every_moment(gaps):
    get_redis_connection("buffer").flushdb()
    now, passed = NOW_MS, []
    for gap, limit in gaps:
        now += gap
        if gate.admit(arrival(mode=Mode.SHADOW, limit=limit, hold_ms=0), now_ms=now) == PassThrough(Passed.ROOM):
            passed.append(int(now * 1000))
            recent = [at for at in passed if at > passed[-1] - 200_000]
            assert len(recent) <= limit


SCOPES = [Scope("acme", "a"), Scope("acme", "b"), Scope("other", "a")]
ARRIVALS = st.lists(
    st.tuples(st.one_of(st.floats(0, 5), st.floats(0, 300)), st.sampled_from(SCOPES), st.sampled_from(["x", "y"])),
    min_size=1,
    max_size=80,
)
LIMIT = st.builds(Limit, st.integers(0, 5), st.integers(1, 300), st.just(0))


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=ARRIVALS, limits=st.builds(Limits, LIMIT, LIMIT, LIMIT, LIMIT))
def test_every_level_is_strict_and_nothing_is_refused_while_all_have_room(arrivals, limits):
    get_redis_connection("buffer").flushdb()
    rollout = Rollout(Mode.SHADOW, True, limits)
    now, passed = NOW_MS, defaultdict(list)
    for gap, scope, definition in arrivals:
        now += gap
        members = [(keys.level(reason, scope, definition), limit) for reason, limit in limits.levels]
        full = [
            member
            for member, limit in members
            if sum(int(now * 1000) - at < limit.window_ms * 1000 for at in passed[member]) >= limit.count
        ]
        decision = gate.admit(Arrival(uuid.uuid4(), scope, rollout, b"", definition), now_ms=now)
        assert (decision == PassThrough(Passed.ROOM)) is not bool(full)
        if not full:
            for member, _ in members:
                passed[member].append(int(now * 1000))
