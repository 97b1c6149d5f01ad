"""One sentence for each way to wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from uuid_utils.compat import uuid7

from workflows.admin import why
from workflows.admin.standing import Lane, OpenHook, Standing, Timer, Unfinished
from workflows.fence import Failure
from workflows.intake.queueing import Position
from workflows.intake.view import InstanceView, Notice

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, BEFORE = NOON + timedelta(minutes=5), NOON - timedelta(minutes=5)
ID = uuid7()
VIEW = InstanceView(
    id=ID,
    definition="greet",
    version=3,
    status="waiting",
    org="acme",
    env="production",
    org_id=ID,
    env_id=ID,
    source="api",
    tags=(),
    metadata=b"{}",
    payload=b"null",
    idempotency_key=None,
    shard=2,
    root_id=ID,
    parent_id=None,
    depth=0,
    accepted_at=BEFORE,
    last_seq=4,
)
APPROVAL = OpenHook("approval", "tok-1")
CHILD = Unfinished(uuid7(), "review", "running")
SLEEP = Timer("wait", "sleep", LATER)
RETRY = Timer("step", "charge", LATER, 2, "http_500: no luck")
ABSENT = Notice("definition_absent", "greet version 3 is not registered here")
AT = "1 Mar 2026 12:05:00 UTC (in 5 min)"


def explained(status: str, *, notice: Notice | None = None, view: dict | None = None, **facts) -> why.Why:
    instance = replace(VIEW, status=status, notice=notice, **(view or {}))
    return why.explain(Standing(instance=instance, now=NOON, **({"lane": Lane(2)} | facts)))


def sentence(status: str, **facts) -> str:
    return explained(status, **facts).sentence


def test_it_awaits_a_hook() -> None:
    told = explained("waiting", hooks=[APPROVAL])
    assert (told.code, told.sentence, told.hooks) == ("hook", "It awaits the hook approval.", [APPROVAL])


def test_it_sleeps() -> None:
    told = explained("waiting", wake_at=LATER, timer=SLEEP)
    assert (told.code, told.sentence) == ("timer", f"It sleeps until {AT}.")


def test_a_time_without_its_operation_is_told_all_the_same() -> None:
    assert sentence("waiting", wake_at=LATER) == f"It sleeps until {AT}."


def test_it_tries_a_step_again() -> None:
    told = sentence("waiting", wake_at=LATER, timer=RETRY)
    assert told == f"It tries the step charge again {AT}, after attempt 2 failed with http_500: no luck."


def test_it_waits_for_its_child() -> None:
    told = explained("waiting", children=[CHILD])
    assert (told.code, told.sentence) == ("children", "It waits for the child review, which is running.")
    assert sentence("waiting", children=[CHILD, CHILD]) == "It waits for 2 children."


def test_all_that_it_waits_for_is_one_sentence() -> None:
    told = sentence(
        "waiting", hooks=[APPROVAL, OpenHook("veto", "tok-2")], wake_at=LATER, timer=SLEEP, children=[CHILD]
    )
    assert told == (f"It awaits the hooks approval, veto, sleeps until {AT} and has a child that has not ended.")


def test_a_hook_with_a_time_out_tells_its_time() -> None:
    timer = Timer("hook", "approval", LATER)
    assert (
        sentence("waiting", hooks=[APPROVAL], wake_at=LATER, timer=timer)
        == f"It awaits the hook approval, until {AT} at the latest."
    )
    two = sentence("waiting", hooks=[APPROVAL, OpenHook("veto", "tok-2")], wake_at=LATER, timer=timer)
    assert two == f"It awaits the hooks approval, veto and gives up the hook approval {AT}."


def test_a_sleep_that_races_with_the_hook_is_its_latest_time() -> None:
    hook = OpenHook("approval", "tok-1", "gather:1.0/race:1.approved/hook:approval:1")
    for place, told in (
        ("gather:1.0/race:1.late/wait:sleep:1", f"It awaits the hook approval, until {AT} at the latest."),
        ("gather:1.0/race:2.late/wait:sleep:1", f"It awaits the hook approval and sleeps until {AT}."),
        ("wait:sleep:1", f"It awaits the hook approval and sleeps until {AT}."),
    ):
        timer = Timer("wait", "sleep", LATER, correlation_id=place)
        assert sentence("waiting", hooks=[hook], wake_at=LATER, timer=timer) == told


def test_nothing_known_is_said_to_be_so() -> None:
    assert "does not tell of yet" in sentence("waiting")


def test_what_it_waited_for_has_come_and_its_pump_has_not() -> None:
    assert "shard 2 takes it in its turn" in sentence("waiting", wake_at=BEFORE)


@pytest.mark.parametrize(
    ("lane", "code", "said"),
    [
        (Lane(2), "ready", "shard 2 takes it in its turn"),
        (Lane(2, paused=True), "shard_paused", "shard 2 is paused by an operator"),
        (Lane(2, alive=False), "no_pump", "no pump holds shard 2"),
        (Lane(2, known=False), "no_pump", "no pump holds shard 2"),
    ],
)
def test_a_pending_one_tells_what_its_shard_does(lane: Lane, code: str, said: str) -> None:
    told = explained("pending", lane=lane, wake_at=BEFORE)
    assert told.code == code
    assert said in told.sentence


def test_it_starts_at_its_time() -> None:
    told = explained("pending", wake_at=LATER)
    assert (told.code, told.sentence) == ("run_after", f"It was asked to start {AT}.")


@pytest.mark.parametrize("status", ["pending", "waiting"])
def test_a_definition_that_is_absent_is_named_with_its_version(status: str) -> None:
    told = explained(status, notice=ABSENT, wake_at=LATER)
    assert (told.code, told.sentence) == (
        "definition_absent",
        f"No pump has greet version 3; its pump looks again {AT}.",
    )
    assert "Deploy" in told.advice


def test_a_pause_tells_who_made_it_and_when() -> None:
    told = sentence("paused", paused_by="oscar", paused_at=BEFORE)
    assert told.startswith("Paused by oscar 1 Mar 2026 11:55:00 UTC (5 min ago)")
    assert sentence("paused").startswith("Paused; nothing")
    assert "while it was buffered" in sentence("paused", view={"last_seq": 0})


@pytest.mark.parametrize(
    ("lane", "code"),
    [(Lane(2), "running"), (Lane(2, alive=False), "no_pump"), (Lane(2, paused=True), "shard_paused")],
)
def test_one_that_runs_tells_its_last_event(lane: Lane, code: str) -> None:
    told = explained("running", lane=lane, last_event_at=BEFORE)
    assert told.code == code
    assert told.sentence.startswith("It runs: its last event was 1 Mar 2026 11:55:00 UTC (5 min ago)")


def test_a_buffered_one_tells_its_position_and_the_reason() -> None:
    told = sentence("buffered", notice=Notice("env_rate", "…"), position=Position(6, paused=False))
    assert (
        told == "It is buffered at position 7 of its environment's queue, because of env rate; it starts in its turn."
    )
    stopped = explained("buffered", notice=Notice("env_rate", "…"), position=Position(0, paused=True))
    assert (stopped.code, stopped.advice) == ("paused_env", "Resume the environment or its organization.")


def test_a_buffered_one_outside_of_the_queue_tells_why() -> None:
    assert sentence("buffered", notice=Notice("delayed", "It will be tried again.")) == "It will be tried again."
    assert sentence("buffered") == "It is taken from the buffer this moment."
    assert "dead letter" in sentence("buffered", notice=Notice("dead_letter", "…"))


def test_one_that_is_over_tells_how_and_after_how_long() -> None:
    ended = {"finished_at": NOON, "error": Failure("cancelled", "no need")}
    assert sentence("cancelled", view=ended) == "It is over: cancelled, 5 min after it was accepted."
    assert sentence("system_failure", view=ended).startswith("It is over: system failure")
    assert "when the drainer takes it" in sentence("cancelled")
