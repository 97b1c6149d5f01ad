"""What a cascade left behind, as the rows tell it."""

from datetime import UTC, datetime, timedelta

import pytest

from bench.chaos import findings
from bench.chaos.findings import Loaded
from tests.bound import bind, emitted
from tests.tenants import make_env
from workflows import storms
from workflows.intake import events
from workflows.lineage import Lineage
from workflows.models import Instance

AT = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def test_a_check_says_what_was_wanted_and_whether_it_holds() -> None:
    assert findings.at_most("a", "some", 5, 5).held
    assert not findings.at_most("a", "some", 6, 5).held
    assert findings.at_least("a", "some", 5, 5).held
    assert not findings.at_least("a", "some", 4.9, 5).held
    assert findings.at_least("a", "some", 1, 5, timed=True).as_dict() == {
        "name": "a",
        "what": "some",
        "ours": 1,
        "bound": ">= 5",
        "held": False,
        "timed": True,
    }


@pytest.mark.parametrize(
    ("lives", "most"),
    [
        ([(0, 10), (1, 2), (2, 3)], 2),
        ([(0, 10), (1, 5), (2, 3)], 3),
        ([(0, 1), (1, 2), (2, 3)], 1),
        ([], 0),
    ],
)
def test_the_highest_level_counts_what_lives_at_once(lives: list[tuple[int, int]], most: int) -> None:
    changes = [(after(at), change) for began, ended in lives for at, change in ((began, 1), (ended, -1))]
    assert findings.highest(changes) == most


def test_loads_add_up_and_show_their_figures() -> None:
    both = Loaded([1.0, 3.0], [2.0], [9.0], lost=1) + Loaded([2.0], [4.0], [8.0], refused=2)
    assert (both.lost, both.refused) == (1, 2)
    assert both.as_dict() == {
        "dwell_p50_ms": 2.0,
        "dwell_p99_ms": 3.0,
        "answer_p50_ms": 2.0,
        "answer_p99_ms": 4.0,
        "end_p50_ms": 8.0,
        "end_p99_ms": 9.0,
    }
    assert findings.percentile([], 0.5) == 0


@pytest.mark.django_db(transaction=True)
def test_rows_storms_and_lives_are_read_by_environment() -> None:
    env, other = make_env("acme"), make_env("other")
    bind("order.created", limit=2, loop_policy="allow_all")
    for number in range(5):
        events.submit_matching(emitted(env, key=f"evt-{number}"))
    events.submit_matching(emitted(other))
    assert findings.most_at_once(env.id) == {"greet order.created": 2}
    found = findings.storms(env.id)
    assert (found.count, found.still_open, found.refused, found.peak) == (1, 1, {"greet order.created": 3}, 2)
    assert set(found.opened_at) == {"greet order.created"}
    lives = findings.lives(env.id)
    assert (lives.total, lives.unfinished, lives.failed, lives.from_outside) == (2, 2, 0, 2)

    first = Instance.objects.filter(env=env)[0]
    Instance.objects.filter(env=env).update(finished_at=first.created_at + timedelta(hours=1), status="failed")
    assert storms.close(storms.list_open(1)[0].id, "ada")
    again = Lineage(first.id, first.id, chain=("greet",))
    events.submit_matching(emitted(env, key="again", parent=again))
    lives = findings.lives(env.id)
    assert (lives.total, lives.unfinished, lives.failed, lives.from_outside) == (3, 1, 2, 2)
    assert (lives.looping, lives.deepest) == (1, 1)
    assert findings.storms(env.id).by == {"ada": 1}


@pytest.mark.django_db(transaction=True)
def test_what_others_load_came_to_is_told_and_what_did_not_complete_is_lost() -> None:
    env = make_env()
    bind("order.created", limit=0)
    for number in range(3):
        events.submit_matching(emitted(env, key=f"evt-{number}"))
    rows = list(Instance.objects.order_by("id"))
    times = {"accepted_at": AT, "created_at": after(0.1), "finished_at": after(0.5), "status": "completed"}
    Instance.objects.filter(id__in=[row.id for row in rows[:2]]).update(**times)
    answer = {
        "accepted": {str(rows[0].id): "buffered", str(rows[1].id): "started", str(rows[2].id): "started"},
        "answers": {"201": 2, "202": 1, "503": 1},
        "latencies_ms": [1.0, 2.0, 3.0, 4.0],
    }
    found = findings.loaded(answer)
    assert (found.dwells, found.ends, found.answers) == ([100.0], [500.0, 500.0], [1.0, 2.0, 3.0, 4.0])
    assert (found.lost, found.refused) == (1, 1)
