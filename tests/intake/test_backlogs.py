"""A backlog is ended wherever it waits, and no more than was meant."""

import pytest

from tests import stock
from tests.tenants import make_env
from workflows import search
from workflows.cleanup.batches import Walk
from workflows.intake import backlogs, narrowing, refresher
from workflows.models import Instance

pytestmark = pytest.mark.django_db(transaction=True)


def meant(text):
    narrowed = narrowing.resolve(search.parse(text), refresher.refresh().envs.values(), everywhere=True)
    return backlogs.meant(narrowed)


def test_what_is_named_twice_must_hold_twice():
    make_env()
    assert meant("definition:a,b definition:b,c event:x").rows.workflows == ("b",)
    assert meant("definition:a definition:b").rows.workflows == ()
    assert meant("event:x").rows.workflows is None


def test_only_the_environments_that_are_meant_are_looked_at():
    env, other = make_env(mode="on", limit=1, window_ms=60_000), make_env("beta")
    stock.make_instance(other, status="pending")
    stock.mollify(env, 1)
    stock.make_instance(env, status="pending")
    found = meant("env:acme/production definition:greet")
    assert found.rows.envs == (env.id,)
    assert [each.id for each in found.entries.envs] == [env.id]
    work = backlogs.cancel(found, "a loop", actor="ada", how=Walk())
    assert (work.tally.done, work.detail["buffered"]) == (2, 1)
    assert Instance.objects.get(env=other).status == "pending"
