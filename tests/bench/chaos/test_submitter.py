"""What a submitting process does, in this one."""

import time
from uuid import UUID

import pytest

from bench.chaos import submitter
from tests.bench.chaos import threads
from tests.tenants import make_env
from tests.workflows.making import data_of
from workflows.models import Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_threads():
    with threads.given_back(submitter):
        yield


def test_ids_come_in_the_order_given_and_nothing_before_its_moment():
    env, at = make_env(), time.time() + 0.05
    sends = [(0, "chaos-loop", {"n": 1}), (0.1, "chaos-start", {"n": 2})]
    ids = [UUID(id_) for id_ in submitter.submit(str(env.id), at, sends)]
    rows = [Instance.objects.get(id=id_) for id_ in ids]
    assert [row.definition for row in rows] == ["chaos-loop", "chaos-start"]
    assert rows[1].accepted_at.timestamp() >= at + 0.1
    assert rows[0].env_id == env.id


def test_a_filling_is_made_where_it_is_sent():
    env = make_env()
    (id_,) = submitter.submit(str(env.id), 0, [(0, "chaos-carry", {"fill": 1_000})])
    assert data_of(UUID(id_), "created") == [{"payload": {"fill": "x" * 1_000}}]


def test_what_is_not_accepted_is_an_error():
    with pytest.raises(RuntimeError, match="was not accepted"):
        submitter.submit(str(make_env().id), 0, [(0, "no-such-thing", {})])
