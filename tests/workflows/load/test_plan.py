"""What is sent and when."""

import json

from workflows.load import plan
from workflows.load.plan import Sending
from workflows.load.traces import Commit


def test_a_burst_serves_its_tenants_in_turn_with_a_key_for_each_trigger() -> None:
    sendings = list(plan.of_burst([0, 0.5, 1], ["ada", "grace"], run="r1", definition="noop", payload={"n": 1}))
    assert [(each.due_seconds, each.tenant) for each in sendings] == [(0, "ada"), (0.5, "grace"), (1, "ada")]
    assert json.loads(sendings[2].triggers[0]) == {
        "definition": "noop",
        "payload": {"n": 1},
        "idempotency_key": "r1-2",
        "tags": ["r1"],
    }


def test_a_trace_runs_faster_and_starts_at_once() -> None:
    commits = [Commit(t, "commit.pushed", "grace/looms", f"sha{t}", "x", 1, 2, 3) for t in (100, 400)]
    first, second = plan.of_trace(commits, run="r1", speed=60)
    assert (first.due_seconds, second.due_seconds) == (0, 5)
    assert (first.tenant, second.tenant) == ("grace/looms", "grace/looms")
    sent = json.loads(second.triggers[0])
    assert sent["definition"] == "review"
    assert sent["idempotency_key"] == "sha400"
    assert sent["payload"] == {
        "t": 400,
        "type": "commit.pushed",
        "repo": "grace/looms",
        "sha": "sha400",
        "actor": "x",
        "files": 1,
        "added": 2,
        "removed": 3,
    }


def test_batches_hold_one_tenant_and_are_due_with_their_last_trigger() -> None:
    sendings = [Sending(at, tenant, (text,)) for at, tenant, text in [(0, "a", b"1"), (1, "b", b"2"), (2, "a", b"3")]]
    assert list(plan.batched(sendings, 2)) == [Sending(2, "a", (b"1", b"3")), Sending(2, "b", (b"2",))]


def test_a_batch_of_one_changes_nothing() -> None:
    sendings = [Sending(0, "a", (b"1",)), Sending(1, "a", (b"2",))]
    assert list(plan.batched(sendings, 1)) == sendings
