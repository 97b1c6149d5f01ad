"""The order that the pictures show."""

import pytest

from bench.shop import flows
from tests import tenants
from tests.waiting import until
from tests.workflows.making import output, types_of
from tests.workflows.pumping import running
from workflows import engine, hooks
from workflows.models import Instance


@pytest.mark.django_db(transaction=True)
def test_an_order_takes_a_little_of_everything_and_ends_with_an_approval() -> None:
    assert flows.fulfil_order
    order = tenants.trigger(tenants.make_env(), definition="fulfil_order", payload=b'{"order":"A-1042"}')
    engine.start(order)
    # A child has a shard of its own.
    with running(0), running(1), running(2), running(3):
        until(lambda: hooks.open_of(order.id) and Instance.objects.get(id=order.id).status == "waiting")
        hooks.resume(hooks.open_of(order.id)[0].token, b'{"by":"Grace"}')
        until(lambda: Instance.objects.get(id=order.id).status == "completed")
    assert output(order.id) == {"approved": True, "answer": {"by": "Grace"}}
    assert {"step_retrying", "step_failed", "child_finished", "hook_received"} <= set(types_of(order.id))
