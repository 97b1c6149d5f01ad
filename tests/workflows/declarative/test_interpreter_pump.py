"""Declarative definitions run by a real pump over a real database: what waits, races, loops and emits."""

import pytest

from tests.waiting import until
from tests.workflows.declarative.documents import act, document, each, parallel, put, wait
from tests.workflows.making import data_of, dense, log_of, make_instance, output, row, types_of
from tests.workflows.pumping import running
from workflows import hooks
from workflows.intake import definitions
from workflows.intake.rollout import Actor
from workflows.models import Hook, Shard
from workflows.states import EventType, Status

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("actions", "forgotten")]
HOOK = wait(hook="approval", timeout_seconds=60)


@pytest.fixture(autouse=True)
def _lane():
    Shard.objects.get_or_create(index=0)


def begin(body, payload=None):
    definitions.save("flow", document=body, actor=Actor("ada"), reason="a test")
    return make_instance("flow", payload)


def finish(instance):
    until(lambda: row(instance).finished_at is not None)
    assert dense(instance)
    return row(instance)


def token_of(instance):
    active = Hook.objects.filter(instance_id=instance, disposed_at=None)
    until(active.exists)
    return active.get().token


def test_a_definition_waits_for_a_hook_and_goes_on_with_its_payload():
    flow = document(
        ("w", {**HOOK, "next": {"success": "a", "timeout": "noop"}}),
        ("a", act(arguments={"by": "{{ steps.w.by }}"})),
    )
    instance = begin(flow)
    with running():
        token = token_of(instance)
        until(lambda: row(instance).status == Status.WAITING)
        assert isinstance(hooks.resume(token, b'{"by": "Ada"}'), hooks.Resumed)
        finish(instance)
    assert output(instance) == {"by": "Ada"}


def test_a_hook_that_nobody_resumes_goes_on_by_its_time_out():
    late = {**wait(hook="approval", timeout_seconds=0.2), "next": {"success": "noop", "timeout": "a"}}
    instance = begin(document(("w", late), ("a", act(arguments={"late": True}))))
    with running():
        finish(instance)
    assert output(instance) == {"late": True}


def test_a_race_of_a_hook_and_a_wait_has_one_winner_and_closes_the_other():
    flow = document(
        ("p", parallel("race", "z", told="w", slept="n")),
        ("w", wait(hook="approval", token="order-{{ payload.id }}")),
        ("n", wait(seconds="{{ payload.nap }}")),
        ("z", act(arguments={"winner": "{{ steps.p.winner }}", "said": "{{ steps.p.result }}"})),
    )
    slept, told = begin(flow, {"id": 1, "nap": 0.2}), begin(flow, {"id": 2, "nap": 60})
    with running():
        finish(slept)
        until(lambda: row(told).status == Status.WAITING)
        assert isinstance(hooks.resume("order-2", b'"yes"'), hooks.Resumed)
        finish(told)
    assert output(slept) == {"winner": "slept", "said": None}
    assert output(told) == {"winner": "told", "said": "yes"}
    assert not Hook.objects.filter(disposed_at=None).exists()
    assert EventType.HOOK_DISPOSED in types_of(slept)


def test_an_event_is_emitted_once_with_its_key():
    given = {"type": "order.paid", "payload": {"n": "{{ payload }}"}, "key": "o-{{ payload }}"}
    instance = begin(document(("e", act("emit_event", arguments=given))), 7)
    with running():
        finish(instance)
    (told,) = data_of(instance, EventType.EMITTED)
    assert (told["type"], told["payload"], told["key"]) == ("order.paid", {"n": 7}, "o-7")


def test_nested_and_parallel_loops_leave_a_dense_log_that_names_their_steps():
    flow = document(
        ("l", each("payload", "m", item="row", parallelism=3)),
        ("m", each("loop.row", "a", "l", item="cell", parallelism=2)),
        ("a", act(to="m", arguments={"cell": "{{ loop.cell * 10 }}"})),
        output="{{ [[x.cell for x in row.results] for row in steps.l.results] }}",
    )
    instance = begin(flow, [[1, 2, 3], [4], [], [5, 6]])
    with running():
        finish(instance)
    assert output(instance) == [[10, 20, 30], [40], [], [50, 60]]
    names = {name for _, type_, name in log_of(instance) if type_ == EventType.STEP_COMPLETED}
    assert len(names) == 6
    assert all("/step:a:" in name for name in names)


def test_ten_loops_of_fifty_iterations_end():
    flow = document(
        ("l", each("range(10)", "m", item="row", parallelism=10)),
        ("m", each("range(50)", "a", "l", item="n")),
        ("a", act(to="m", arguments={"n": "{{ loop.n }}"})),
        output="{{ sum([row.iterations for row in steps.l.results]) }}",
    )
    instance = begin(flow)
    with running():
        finish(instance)
    assert output(instance) == 500


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (document(("a", act("fail"))), "declined", "step 'a': the card is refused"),
        (
            document(("s", put(x="{{ payload.x }}"))),
            "expression_failed",
            "step 's': `payload.x`: null has no member 'x'",
        ),
        (document(("e", act("emit_event", arguments={"type": "{{ 'a b' }}"}))), "context_misused", "step 'e': "),
        (document(("e", act("emit_event", arguments={"type": "{{ [1] }}"}))), "context_misused", "step 'e': "),
        (
            document(("e", act("emit_event", arguments={"type": "a", "key": "{{ 5 }}"}))),
            "context_misused",
            "step 'e': ",
        ),
        (document(("w", wait(until="9999-12-31T23:59:59-10:00"))), "context_misused", "step 'w': "),
    ],
)
def test_an_instance_that_can_not_go_on_fails_and_says_at_which_step(body, code, said):
    instance = begin(body)
    with running():
        ended = finish(instance)
    assert (ended.status, ended.error_code) == (Status.FAILED, code)
    assert ended.error_message.startswith(said)
