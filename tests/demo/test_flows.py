import pytest
from django.test import Client

from demo.flows import classify, record
from tests.waiting import until
from tests.workflows.making import data_of, make_instance, make_instances, output
from tests.workflows.pumping import run_until_idle, running
from workflows.models import Hook, Instance
from workflows.states import EventType, Status


@pytest.mark.django_db(transaction=True)
def test_noop_steps_and_fan_out_give_what_they_promise():
    noop = make_instance("noop", {"a": [1, None]})
    steps = make_instance("steps", {"n": 7})
    fan_out = make_instance("fan_out", {"n": 5})
    run_until_idle()
    assert output(noop) == {"a": [1, None]}
    assert output(steps) == {"steps": 7}
    assert output(fan_out) == {"sum": 10}
    assert len(data_of(steps, EventType.STEP_COMPLETED)) == 7


@pytest.mark.django_db(transaction=True)
def test_an_approval_ends_with_the_answer_that_comes_through_its_hook():
    approval = make_instance("approval", {"seconds": 600})
    with running():
        until(lambda: Hook.objects.filter(instance_id=approval, disposed_at=None).exists())
        hook = Hook.objects.get(instance_id=approval)
        body = {"payload": {"by": "ann"}}
        answer = Client().post(f"/api/v1/hooks/{hook.token}", body, content_type="application/json")
        assert answer.status_code == 202
        until(lambda: Instance.objects.filter(id=approval, status=Status.COMPLETED).exists())
    assert hook.name == "approval"
    assert output(approval) == {"answered": True, "answer": {"by": "ann"}}


@pytest.mark.django_db(transaction=True)
def test_an_approval_that_nobody_gives_ends_when_its_time_is_over():
    approval = make_instance("approval", {"seconds": 0.05})
    with running():
        until(lambda: Instance.objects.filter(id=approval, status=Status.COMPLETED).exists())
    assert output(approval) == {"answered": False, "answer": None}
    assert not Hook.objects.filter(instance_id=approval, disposed_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_commit_is_reviewed_with_a_pause_between():
    commit = {"repo": "r", "sha": "abc", "files": 3, "added": 100, "removed": 2}
    instances = make_instances("review", [commit] * 20)
    with running():
        until(lambda: Instance.objects.filter(id__in=instances, status=Status.COMPLETED).count() == 20)
    assert output(instances[0]) == {
        "repo": "r",
        "sha": "abc",
        "kind": "addition",
        "size": "medium",
        "needs": "one reviewer",
    }
    assert len(data_of(instances[0], EventType.WAIT_COMPLETED)) == 1


@pytest.mark.parametrize(
    ("commit", "kind", "size"),
    [
        ({"files": 1, "added": 0, "removed": 0}, "empty", "small"),
        ({"files": 1, "added": 3, "removed": 40}, "removal", "small"),
        ({"files": 9, "added": 10, "removed": 10}, "change", "medium"),
        ({"files": 30, "added": 10, "removed": 10}, "change", "large"),
        ({"files": ["docs/a.md", "b.rst", "c.py"], "added": 600, "removed": 0}, "docs", "large"),
        ({"files": ["tests/test_a.py", "test_b.py"], "added": 1}, "tests", "small"),
        ({"files": ["pyproject.toml"], "added": 1}, "configuration", "small"),
        ({"files": ["a.py"], "added": 1}, "code", "small"),
        ({}, "empty", "small"),
    ],
)
def test_a_change_is_classified_by_its_paths_or_else_its_lines(commit, kind, size):
    assert classify(commit) == {"kind": kind, "size": size}


def test_a_large_change_needs_two_reviewers():
    assert record({"sha": "a"}, {"kind": "code", "size": "large"})["needs"] == "two reviewers"
