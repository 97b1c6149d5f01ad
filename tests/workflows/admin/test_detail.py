"""What the page of an instance shows, as values."""

import msgspec
import pytest

from tests import stock, tenants
from tests.workflows.admin.looking import ran, shown
from workflows.admin import detail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment(own_workflows):
    return tenants.make_env("acme")


async def short(ctx, payload):
    await ctx.sleep(0.001)
    return {"token": "abc", "name": payload["name"]}


def test_the_life_of_an_instance_is_the_first_row_and_its_operations_follow(environment) -> None:
    env, view = shown(environment, ran(environment, short))
    live = detail.read_live(env, view, start=None, tokens=True)
    whole, wait = live.lines
    assert (whole.kind, whole.name, whole.row.outcome) == ("instance", "shown", "completed")
    assert whole.bars[-1].look == "whole"
    assert (wait.kind, wait.name, wait.row.outcome) == ("wait", "sleep:1", "completed")
    assert live.finished
    assert (live.scale.begin, live.scale.end) == (view.accepted_at, view.finished_at)


def test_the_rest_is_the_log_and_what_it_holds_covered(environment) -> None:
    env, view = shown(environment, ran(environment, short))
    live = detail.read_live(env, view, start=None, tokens=True)
    rest = detail.read_rest(view, live.veil, 0)
    assert [moment.title for moment in rest.moments] == [
        "created",
        "started",
        "wait created",
        "wait completed",
        "completed",
    ]
    assert msgspec.json.decode(rest.output) == {"token": "[hidden]", "name": "Ada"}
    assert (rest.metadata, rest.more) == ("", None)
    assert [moment.seq for moment in detail.read_rest(view, live.veil, 3).moments] == [4, 5]


def test_a_part_of_a_log_has_a_line_of_its_own_time(environment) -> None:
    env, view = shown(environment, ran(environment, short))
    live = detail.read_live(env, view, start=3, tokens=True)
    (wait,) = live.lines
    assert wait.kind == "wait"
    assert live.scale.begin > view.accepted_at


def test_a_failure_is_the_look_of_its_end(environment) -> None:
    async def broken(ctx, payload):
        raise ValueError("no such customer")

    env, view = shown(environment, ran(environment, broken))
    live = detail.read_live(env, view, start=None, tokens=True)
    assert live.lines[0].bars[-1].look == "failed"
    assert live.instance.error
    assert "no such customer" in live.instance.error.message


def test_a_buffered_one_is_one_bar_that_goes_on() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    (id_,) = stock.mollify(environment, 1)
    env, view = shown(environment, id_)
    live = detail.read_live(env, view, start=None, tokens=False)
    (whole,) = live.lines
    assert [(bar.look, bar.goes_on) for bar in whole.bars] == [("buffered", True)]
    assert live.why.sentence.startswith("It is buffered at position 1")
    assert detail.read_rest(view, live.veil, 0).moments == []
