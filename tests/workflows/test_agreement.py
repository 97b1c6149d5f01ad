from datetime import UTC, datetime

import pytest

from tests.workflows.making import identity_of
from workflows import agreement
from workflows.agreement import Agrees, Diverges
from workflows.fence import StoredEvent
from workflows.steps import Fatal, step

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@step
def fetch():
    pass


async def flow(ctx, payload):
    first = await ctx.step(fetch)
    await ctx.hook("approval")
    if first == "bad":
        raise Fatal("no", code="refused")
    return {"first": first}


def compare(*events, function=flow):
    begun = (("created", "", '{"payload": null}'), ("started", "", "{}"))
    log = [StoredEvent(seq, *event, MOMENT) for seq, event in enumerate((*begun, *events), 1)]
    return agreement.of(function, identity_of(), log)


def fetched(value='"a"'):
    return ("step_completed", "step:fetch:1", f'{{"result": {value}}}')


HOOK = (
    ("hook_created", "hook:approval:1", '{"token": "t", "name": "approval"}'),
    ("hook_received", "hook:approval:1", '{"payload": 1}'),
)


def test_an_unfinished_log_agrees_as_far_as_it_goes():
    assert compare() == Agrees(2, ("step:fetch:1",))
    assert compare(fetched()) == Agrees(3, ("hook:approval:1",))
    assert compare(fetched(), *HOOK) == Agrees(5, (), 'completes with {"first":"a"}')


def test_an_output_is_compared_as_a_value():
    assert compare(fetched(), *HOOK, ("completed", "end", '{"output": {"first" :  "a"}}')).seq == 6
    assert compare(fetched(), *HOOK, ("completed", "end", '{"output": {"first": "b"}}')) == Diverges(
        6, 'completed with {"first":"b"}', 'completes with {"first":"a"}'
    )


def test_a_failure_is_compared_by_its_code():
    failed = ("failed", "end", '{"error": {"code": "refused", "message": "other words"}}')
    assert compare(fetched('"bad"'), *HOOK, failed) == Agrees(6, (), "failed with refused: other words")
    assert compare(fetched(), *HOOK, failed) == Diverges(
        6, "failed with refused: other words", 'completes with {"first":"a"}'
    )
    other = ("failed", "end", '{"error": {"code": "declined", "message": "no"}}')
    assert compare(fetched('"bad"'), *HOOK, other).code == "fails with refused: no"


def test_an_operation_that_the_code_does_not_ask_for_is_told_with_both_sides():
    stored = ("step_completed", "step:store:1", '{"result": null}')
    assert compare(stored) == Diverges(3, "step_completed of step:store:1", "awaits step:fetch:1")
    assert compare(fetched(), *HOOK, stored) == Diverges(
        6, "step_completed of step:store:1", 'completes with {"first":"a"}'
    )


def test_an_end_that_the_code_has_not_come_to_diverges():
    assert compare(fetched(), ("completed", "end", '{"output": null}')) == Diverges(
        4, "completed with null", "awaits hook:approval:1"
    )


@pytest.mark.parametrize("code", ["crash_loop", "event_refused", "log_full", "replay_divergence", "replay_failed"])
def test_an_end_by_the_engine_agrees_with_any_code(code):
    failed = ("failed", "end", f'{{"error": {{"code": "{code}", "message": "m"}}}}')
    assert compare(fetched(), failed) == Agrees(4, (), f"failed with {code}: m")


def test_an_end_from_outside_agrees_with_any_code():
    assert compare(fetched(), ("cancelled", "end", '{"reason": "r"}')) == Agrees(4, (), "cancelled from outside")


def test_what_never_started_ran_no_code():
    log = [
        StoredEvent(1, "created", "", '{"payload": null}', MOMENT),
        StoredEvent(2, "failed", "end", '{"error": {"code": "drain_failed", "message": "m"}}', MOMENT),
    ]
    assert agreement.of(flow, identity_of(), log) == Agrees(2, (), "failed with drain_failed: m")


def test_waiting_for_nothing_agrees_with_its_failure():
    async def idle(ctx, payload):
        async with ctx.hook("a") as hook:
            await ctx.gather(hook, hook)

    created = ("hook_created", "hook:a:1", '{"token": "t", "name": "a"}')
    failed = ("failed", "end", '{"error": {"code": "context_misused", "message": "m"}}')
    assert isinstance(compare(created, failed, function=idle), Agrees)
