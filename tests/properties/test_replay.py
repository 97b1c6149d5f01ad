"""A coroutine rebuilt from any part of its log stands exactly where the live one stood."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from workflows.identity import Identity
from workflows.operations import StepFailed
from workflows.replay import Replay
from workflows.steps import step


@step
def work(number):
    return number


@step
def other():
    return None


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
IDENTITY = Identity(uuid7(), uuid7(), uuid7(), "flow", 1, uuid7())

leaves = st.sampled_from(["work", "other", "sleep"])
programs = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["sequence", "gather", "shielded"]), st.lists(inner, max_size=4)),
    ),
    max_leaves=12,
)


async def run(ctx, program):
    if program == "work":
        return await ctx.step(work, 1)
    if program == "other":
        return await ctx.step(other)
    if program == "sleep":
        return await ctx.sleep(1)
    kind, parts = program
    if kind == "gather":
        return await ctx.gather(*(operation(ctx, part) for part in parts))
    try:
        return [await run(ctx, part) for part in parts]
    except StepFailed as error:
        if kind == "shielded":
            return error.code
        raise


def operation(ctx, program):
    """Give leaves to gather as operations, and the rest as coroutines."""
    if program == "work":
        return ctx.step(work, 2)
    return run(ctx, program)


def rebuilt(program, log):
    replay = Replay(run, IDENTITY)
    for event in log:
        replay.deliver(*event, MOMENT)
    return replay


def outcome_of(pending, choice):
    if pending.correlation_id.rpartition("/")[2].startswith("wait"):
        return ("wait_completed", pending.correlation_id, "{}")
    if choice % 4 == 0:
        error = {"code": f"code_{choice}", "message": "", "type": "Fatal"}
        return ("step_failed", pending.correlation_id, json.dumps({"error": error}))
    return ("step_completed", pending.correlation_id, json.dumps({"result": choice}))


@given(programs, st.lists(st.integers(0, 1000), min_size=60, max_size=60), st.data())
def test_every_prefix_rebuilds_the_same_place_and_repeats_change_nothing(program, choices, data):
    log = [("created", "", json.dumps({"payload": program}))]
    live = rebuilt(program, log)
    places = [list(live.pending)]
    for choice in choices:
        if live.result is not None:
            break
        awaited = list(live.pending.values())
        event = outcome_of(awaited[choice % len(awaited)], choice)
        live.deliver(*event, MOMENT)
        log.append(event)
        places.append(list(live.pending))
    assert live.result is not None

    cut = data.draw(st.integers(1, len(log)))
    half = rebuilt(program, log[:cut])
    assert list(half.pending) == places[cut - 1]

    repeated = [log[0]]
    for position, event in enumerate(log[1:], 1):
        repeated.append(event)
        repeated.append(log[data.draw(st.integers(1, position))])
    again = rebuilt(program, repeated)
    assert again.result == live.result
    assert list(again.pending) == []
    half.close()
