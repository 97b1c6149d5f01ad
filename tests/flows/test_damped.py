"""64 submitters of several processes at one group, that may pass, be buffered, or be drained this moment."""

from collections import Counter

import pytest

from mollifier import pages
from tests.bound import bind
from tests.flows.racing import Race
from tests.flows.test_drained_and_run import Draining
from tests.tenants import make_env, seen
from tests.waiting import until
from workflows.intake import lookup
from workflows.models import Instance, Storm

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
PROCESSES, THREADS, EVENTS, LIMIT = 4, 16, 3, 40


@pytest.mark.parametrize("flags", [{}, {"mode": "on", "limit": 2, "window_ms": 50, "hold_ms": 50}], ids=["off", "on"])
def test_sixty_four_submitters_never_exceed_the_limit_and_none_is_lost(flags):
    env = make_env("acme", "production", **flags)
    bind("order.created", limit=LIMIT)
    race = Race("tests.flows.emitters", PROCESSES, env.id, THREADS, EVENTS)
    with Draining():
        told = sum(map(Counter, race.run()), Counter())
        until(lambda: not pages.newest(lookup.scope_of(seen(env)), None, 1).entries)

    taken = told["Started"] + told["Buffered"]
    assert taken == LIMIT == Instance.objects.count()
    assert (told["Buffered"] > 0) is bool(flags)
    assert told["Throttled"] == PROCESSES * THREADS * EVENTS - LIMIT
    assert Storm.objects.get().suppressed == told["Throttled"]
