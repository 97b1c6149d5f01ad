"""Which hooks are told, and what no hook can be asked for."""

import pytest

from tests import stock
from tests.tenants import make_env, seen
from workflows.intake import hooks, lookup
from workflows.intake.view import HookView
from workflows.models import Hook


@pytest.mark.django_db
def test_open_hooks_are_told_and_closed_ones_are_not():
    env = make_env()
    instance = stock.make_instance(env, status="waiting", last_seq=3)
    common = {"instance_id": instance.id, "env_id": env.id, "correlation_id": "x", "created_at": instance.created_at}
    Hook.objects.create(token="t1", name="approval", **common)
    Hook.objects.create(token="t2", name="old", disposed_at=instance.created_at, **common)
    found = lookup.find(seen(env), instance.id)
    assert hooks.attach(found).hooks == (HookView("approval", "t1"),)


@pytest.mark.django_db
def test_what_is_buffered_or_finished_has_none_and_costs_no_query(django_assert_num_queries):
    env = make_env(mode="on", limit=1, window_ms=3_600_000)
    (waiting,) = stock.mollify(env, 1)
    finished = stock.make_instance(env, status="completed", last_seq=2)
    found = [lookup.find(seen(env), id_) for id_ in (waiting, finished.id)]
    with django_assert_num_queries(0):
        assert [hooks.attach(each).hooks for each in found] == [(), ()]


@pytest.mark.parametrize("token", ["x" * 201, "a\0b"])
def test_a_token_that_no_hook_can_have_asks_no_database(token):
    assert hooks.resume(token, b"1") == hooks.HookNotFound()


@pytest.mark.django_db
def test_what_the_database_can_not_hold_is_refused():
    env = make_env()
    instance = stock.make_instance(env, status="waiting", last_seq=1)
    Hook.objects.create(
        token="t1",
        name="approval",
        instance_id=instance.id,
        env_id=env.id,
        correlation_id="x",
        created_at=instance.created_at,
    )
    assert hooks.resume("t1", b'{"broken"') == hooks.PayloadRefused()
