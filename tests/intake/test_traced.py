"""A trigger's trace, from the caller's span across the buffer to the instance that it becomes."""

import pytest

from tests.api.conftest import make_caller
from tests.intake import draining
from tests.spans import traces
from tests.tenants import make_env, request
from tests.workflows.pumping import run_until_idle
from workflows import registry, snapshot, steps
from workflows.intake import submission
from workflows.intake.submission import Buffered, Existing, Started
from workflows.models import Instance
from workflows.trigger import Trigger

__all__ = ["traces"]
pytestmark = pytest.mark.django_db(transaction=True)
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HELD = {"mode": "on", "limit": 1, "window_ms": 200, "hold_ms": 60_000}


def links(span):
    return [(link.context.trace_id, link.context.span_id) for link in span.links]


def place(span):
    return span.context.trace_id, span.context.span_id


def test_a_trigger_that_starts_at_once_is_one_trace_below_its_caller(traces):
    caller = make_caller()
    answer = caller.post("triggers", {"definition": "greet", "payload": {"card": "4111"}}, traceparent=CALLER)
    assert answer.status_code == 201
    top, trigger, gate, start = (
        traces.one(name) for name in ("POST /api/v1/triggers", "trigger", "gate.admit", "engine.start")
    )
    assert f"{top.context.trace_id:032x}" == CALLER[3:35]
    assert [trigger.parent.span_id, gate.parent.span_id, start.parent.span_id] == [
        top.context.span_id,
        trigger.context.span_id,
        trigger.context.span_id,
    ]
    assert trigger.attributes["mollifier.outcome"] == "Started"
    assert gate.attributes["mollifier.decision"] == "PassThrough"
    assert trigger.attributes["mollifier.env_id"] == str(caller.env.id)
    assert links(traces.one("instance")) == [place(trigger)]
    assert "4111" not in traces.told()


def test_a_drained_batch_is_linked_across_the_buffer_to_the_triggers_in_it(traces):
    env = make_env(**HELD)
    outcomes = [submission.submit(request(env, payload=b'{"card":"4111"}')) for _ in range(4)]
    assert [type(each) for each in outcomes] == [Started, Buffered, Buffered, Buffered]
    triggers = {span.attributes["mollifier.instance_id"]: span for span in traces.all("trigger")}
    assert draining.drain() == 3
    batch = traces.one("drain.batch")
    drained = [str(outcome.instance.id) for outcome in outcomes[1:]]
    assert links(batch) == [place(triggers[id_]) for id_ in drained]
    assert batch.context.trace_id not in {span.context.trace_id for span in triggers.values()}
    begun = {span.attributes["mollifier.instance_id"]: links(span) for span in traces.all("instance")}
    assert begun == {id_: [place(span)] for id_, span in triggers.items()}
    assert "4111" not in traces.told()


def test_a_batch_is_one_span_and_its_instances_are_linked_to_it(traces):
    env = make_env(mode="off")
    outcomes = submission.submit_many([request(env) for _ in range(3)])
    assert [type(each) for each in outcomes] == [Started] * 3
    batch = traces.one("triggers")
    assert batch.attributes["mollifier.count"] == 3
    assert [links(span) for span in traces.all("instance")] == [[place(batch)]] * 3
    assert traces.one("engine.start").parent.span_id == batch.context.span_id


def test_the_steps_of_an_instance_are_in_its_own_trace_whoever_runs_them(traces):
    charge = steps.step(name="charge")(lambda amount: amount)

    async def checkout(ctx, payload):
        return await ctx.step(charge, 3)

    registry.workflow("traced-checkout")(checkout)
    env = make_env(mode="off")
    id_ = submission.submit(request(env, "traced-checkout")).instance.id
    run_until_idle(Instance.objects.get(id=id_).shard)
    assert Instance.objects.get(id=id_).status == "completed"
    first, step = traces.one("instance"), traces.one("step charge")
    assert (step.context.trace_id, step.parent.span_id) == place(first)


def test_an_instance_begins_only_once(traces):
    env = make_env(mode="off")
    asked = request(env, idempotency_key="o-1")
    assert isinstance(submission.submit(asked), Started)
    assert isinstance(submission.submit(request(env, idempotency_key="o-1")), Existing)
    assert len(traces.all("instance")) == 1


def test_off_a_trigger_carries_no_name_of_a_span():
    env = make_env(**HELD)
    for _ in range(2):
        submission.submit(request(env))
    (entry,) = draining.claim().entries
    assert snapshot.decode(entry.snapshot).traceparent is None


def test_a_snapshot_of_before_there_were_traces_is_read():
    fields = list(Trigger.__struct_fields__)
    assert fields[-1] == "traceparent", "a snapshot holds the fields by their order: a new one goes to the end"
