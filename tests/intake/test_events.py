"""Emitted events: what they match, and what each match becomes."""

from uuid import uuid4

import pytest

from tests.bound import bind, emitted
from tests.tenants import make_env
from workflows.intake import events, refresher
from workflows.intake.events import is_settled, submit_matching
from workflows.intake.submission import Existing, Rejected, Started, Throttled
from workflows.lineage import Lineage
from workflows.models import Definition, Instance

pytestmark = pytest.mark.django_db


def kinds(outcomes) -> list[type]:
    return [type(each.submission) for each in outcomes]


def test_an_event_starts_one_instance_for_each_matching_binding():
    env = make_env()
    one, other = bind("order.created"), bind("order.*", condition='payload.country == "SE"')
    bind("order.deleted"), bind("shipment.*"), bind("order.created.late")
    outcomes = submit_matching(emitted(env, payload=b'{"country":"SE"}'))
    assert [each.binding_id for each in outcomes] == [one.id, other.id]
    assert kinds(outcomes) == [Started, Started]
    row = Instance.objects.get(id=outcomes[0].submission.instance.id)
    assert (row.source, row.event_type, row.event_key) == ("event", "order.created", "evt-1")


def test_the_same_event_again_finds_what_it_started_even_with_another_payload():
    env = make_env()
    bind("order.created")
    first = submit_matching(emitted(env))[0].submission
    again = submit_matching(emitted(env, payload=b'{"late":true}'))[0].submission
    assert isinstance(again, Existing)
    assert again.instance.id == first.instance.id
    assert Instance.objects.count() == 1


def test_the_same_key_in_another_environment_is_another_event():
    bind("order.created")
    outcomes = [submit_matching(emitted(make_env("acme", slug)))[0] for slug in ("production", "staging")]
    assert kinds(outcomes) == [Started, Started]


def test_a_binding_of_one_tenant_is_not_for_another():
    acme, other = make_env("acme"), make_env("other")
    staging = make_env("acme", "staging")
    bind("order.created", org=acme.org)
    bind("order.*", org=acme.org, env=staging)
    assert len(submit_matching(emitted(acme))) == 1
    assert len(submit_matching(emitted(staging))) == 2
    assert submit_matching(emitted(other)) == []


def test_a_binding_that_is_switched_off_starts_nothing_until_it_is_on_again():
    env = make_env()
    binding = bind("order.created", enabled=False)
    assert submit_matching(emitted(env)) == []
    binding.enabled = True
    binding.save()
    refresher.refresh()
    assert kinds(submit_matching(emitted(env))) == [Started]


def test_a_condition_that_does_not_hold_starts_nothing_and_one_without_an_answer_is_told():
    env = make_env()
    bind("order.created", condition="payload.total > 100")
    assert submit_matching(emitted(env, payload=b'{"total":7}')) == []
    assert kinds(submit_matching(emitted(env, payload=b'{"total":700}'))) == [Started]
    (failed,) = submit_matching(emitted(env, key="other", payload=b'{"total":"many"}'))
    assert isinstance(failed.submission, Rejected)
    assert failed.submission.code == "condition_failed"


def test_a_terminal_event_can_be_bound_by_how_the_instance_ended():
    env = make_env()
    for pattern in ("workflow.instance_terminal", "workflow.instance_terminal.failed"):
        bind(pattern)
    for status, wanted in (("failed", 2), ("completed", 1)):
        payload = f'{{"instance_id":"{uuid4()}","definition":"x","status":"{status}"}}'.encode()
        assert len(submit_matching(emitted(env, "workflow.instance_terminal", key=status, payload=payload))) == wanted


def test_what_an_event_starts_has_its_emitters_lineage():
    env = make_env()
    bind("order.created")
    root, parent = uuid4(), uuid4()
    (outcome,) = submit_matching(emitted(env, parent=Lineage(parent, root, None, 2, ("a", "b", "c"))))
    row = Instance.objects.get(id=outcome.submission.instance.id)
    assert (row.root_id, row.parent_id, row.depth, row.chain, row.cause) == (root, parent, 3, ["a", "b", "c"], parent)


@pytest.mark.parametrize(
    ("policy", "chain", "wanted"),
    [
        ("avoid_loop", ("greet", "other"), [Throttled]),
        ("avoid_loop", ("other",), [Started]),
        ("allow_all", ("greet", "other"), [Started]),
        ("ignore", ("other",), []),
    ],
)
def test_a_loop_is_met_as_the_binding_says(policy, chain, wanted):
    env = make_env()
    bind("order.created", loop_policy=policy)
    outcomes = submit_matching(emitted(env, parent=Lineage(uuid4(), uuid4(), None, len(chain) - 1, chain)))
    assert kinds(outcomes) == wanted
    for each in outcomes:
        if isinstance(each.submission, Throttled):
            assert each.submission.code == "throttled_cascade"


def test_no_policy_lets_a_chain_grow_beyond_the_limit():
    env = make_env()
    bind("order.created", loop_policy="allow_all")
    lineages = [Lineage(uuid4(), uuid4(), None, depth, ("greet",) * (depth + 1)) for depth in (9, 10)]
    outcomes = [submit_matching(emitted(env, key=str(each.depth), parent=each))[0] for each in lineages]
    assert kinds(outcomes) == [Started, Throttled]
    assert outcomes[1].submission.code == "throttled_cascade"


def test_what_can_not_run_is_settled_and_an_outage_is_not():
    env = make_env()
    bind("order.created", definition="nowhere")
    outcomes = submit_matching(emitted(env))
    assert kinds(outcomes) == [Rejected]
    assert is_settled(outcomes)


def test_limit_and_window_are_the_bindings_then_the_definitions_then_the_settings():
    make_env()
    plain = bind("a")
    own = bind("b", limit=7, window_seconds=90)
    short = bind("c", limit=0, window_seconds=1)
    directory = refresher.current()
    assert events.damping(directory, directory.bindings.by_id[plain.id]) == (50, 6 * 3600)
    assert events.damping(directory, directory.bindings.by_id[own.id]) == (7, 90)
    assert events.damping(directory, directory.bindings.by_id[short.id]) == (0, 60)
    Definition(slug="greet", event_limit=9, event_window_seconds=10**9).save()
    directory = refresher.refresh()
    assert events.damping(directory, directory.bindings.by_id[plain.id]) == (9, 7 * 24 * 3600)
    assert events.damping(directory, directory.bindings.by_id[own.id]) == (7, 90)


def test_one_event_starts_a_bounded_number(monkeypatch):
    env = make_env()
    monkeypatch.setattr(events, "MAX_MATCHES", 2)
    for number in range(3):
        bind("order.created", condition=f"payload.n != {number}")
    assert kinds(submit_matching(emitted(env, payload=b'{"n":9}'))) == [Started, Started, Rejected]
