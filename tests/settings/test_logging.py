"""Lines from inside a step tell whose it is."""

import json
import logging
from io import StringIO

import pytest
import structlog

from settings.logging import add_ids_of_step
from tests.spans import traces
from tests.tenants import make_env, request
from tests.workflows.pumping import run_until_idle
from workflows import registry, steps, tracing
from workflows.intake import submission
from workflows.models import Instance

__all__ = ["traces"]
SECRET = "card-4111-1111"


@pytest.fixture
def lines(monkeypatch):
    """Collect what the configured handler writes."""
    stream = StringIO()
    (handler,) = (each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def charge(card):
    structlog.get_logger("shop").warning("shop.charged")
    logging.getLogger("library").warning("of a library")


async def charge_later(card):
    charge(card)


def refuse(card):
    raise ValueError(f"refused: {card}")


def give_back_no_json(card):
    return {card: object()}


async def buy(ctx, payload):
    await ctx.step(steps.step(charge), payload)
    await ctx.step(steps.step(charge_later), payload)
    for broken in (refuse, give_back_no_json):
        try:
            await ctx.step(steps.step(broken), payload)
        except steps.Fatal:
            raise
        except Exception:  # noqa: BLE001 - how it fails is not the point
            pass
    raise RuntimeError(f"nobody caught {payload}")


@pytest.mark.django_db(transaction=True)
def test_every_line_of_a_step_names_its_instance_and_none_what_was_sent(lines):
    registry.workflow("logged-purchase")(buy)
    env = make_env(mode="off")
    asked = request(env, "logged-purchase", payload=json.dumps(SECRET).encode(), metadata=b'{"card":"card-4111-1111"}')
    id_ = submission.submit(asked).instance.id
    run_until_idle(Instance.objects.get(id=id_).shard)
    assert Instance.objects.get(id=id_).status == "failed"
    said = [line for line in lines() if line["logger"] in {"shop", "library"}]
    assert [line["event"] for line in said] == ["shop.charged", "of a library"] * 2
    for line in said:
        assert (line["instance_id"], line["org_id"], line["env_id"]) == (str(id_), str(env.org_id), str(env.id))
    assert SECRET not in json.dumps(lines())


def test_outside_of_a_step_nothing_is_added():
    assert add_ids_of_step(None, "info", {"event": "e"}) == {"event": "e"}


def test_within_a_span_a_line_names_its_trace(traces):
    with tracing.span("trigger"):
        line = add_ids_of_step(None, "info", {"event": "e"})
    assert line["trace_id"] == f"{traces.one('trigger').context.trace_id:032x}"
