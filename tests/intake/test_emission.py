"""Events from Python: submitted at once, with the caller's transaction, or later."""

from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from tests.bound import bind, emitted
from tests.tenants import make_env, request
from workflows import emit, steps
from workflows.identity import Identity
from workflows.intake import emission, refresher, submission
from workflows.intake.emission import EventInvalid
from workflows.intake.submission import Buffered, Existing, Full, Started
from workflows.lineage import Lineage
from workflows.models import EmittedEvent, Environment, Instance
from workflows.steps import Running

pytestmark = pytest.mark.django_db(transaction=True)
ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}


def due_now() -> None:
    EmittedEvent.objects.update(due_at=timezone.now())


def test_an_event_starts_what_is_bound_and_says_so():
    env = make_env()
    bind("order.created")
    done = emit("order.created", {"order": 1}, env=env, key="evt-1")
    assert not done.kept
    assert [type(each.submission) for each in done.outcomes] == [Started]
    again = emit("order.created", {"order": 1}, env=env, key="evt-1")
    assert [type(each.submission) for each in again.outcomes] == [Existing]


def test_without_a_key_every_event_is_a_new_one():
    env = make_env()
    bind("order.created")
    assert len({emit("order.created", env=env).key for _ in range(2)}) == 2
    assert Instance.objects.count() == 2


def test_an_event_of_a_transaction_is_submitted_when_that_is_committed():
    env = make_env()
    bind("order.created")
    with transaction.atomic():
        assert emit("order.created", env=env).kept
        assert Instance.objects.count() == 0
    assert Instance.objects.count() == 1
    assert EmittedEvent.objects.count() == 0


def test_an_event_of_a_transaction_that_is_rolled_back_never_was():
    env = make_env()
    bind("order.created")
    with transaction.atomic():
        emit("order.created", env=env)
        transaction.set_rollback(True)
    assert (Instance.objects.count(), EmittedEvent.objects.count()) == (0, 0)


def test_an_event_whose_process_died_after_its_commit_is_submitted_by_the_sweep():
    env = make_env()
    bind("order.created")
    parent = Lineage(uuid4(), uuid4(), None, 1, ("a", "b"))
    emission.keep(uuid4(), emitted(env, parent=parent, payload=b'{"z":1,"a":[2.50]}'))
    assert emission.sweep() == 1
    row = Instance.objects.get()
    assert (row.parent_id, row.depth, row.chain) == (parent.instance_id, 2, ["a", "b"])
    assert EmittedEvent.objects.count() == 0
    assert emission.sweep() == 0


def test_an_event_that_can_not_be_submitted_waits_and_keeps_no_other_back():
    env = make_env()
    bind("order.created", condition="payload == []")
    deep = b"[" * 5_000 + b"]" * 5_000
    for key, payload in (("1", deep), ("2", b"[]"), ("3", deep)):
        emission.keep(uuid4(), emitted(env, key=key, payload=payload))
    assert emission.sweep() == 3
    assert Instance.objects.get().event_key == "2"
    assert sorted(EmittedEvent.objects.values_list("key", flat=True)) == ["1", "3"]
    assert emission.sweep() == 0


def test_a_full_buffer_keeps_the_event_and_what_was_started_is_not_started_again(settings):
    env = make_env("acme", "production", **ON)
    bind("order.created"), bind("order.*")
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    assert isinstance(submission.submit(request(env)), Started)
    done = emit("order.created", env=env)
    assert [type(each.submission) for each in done.outcomes] == [Buffered, Full]
    assert done.kept
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 10}
    due_now()
    assert emission.sweep() == 1
    assert EmittedEvent.objects.count() == 0
    assert Instance.objects.count() == 1


def test_what_is_still_in_the_way_waits_longer_each_time(settings):
    env = make_env("acme", "production", **ON)
    bind("order.created")
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_ENTRIES": 1}
    for _ in range(2):
        submission.submit(request(env))
    assert emit("order.created", env=env).kept
    waits = []
    for _ in range(3):
        due_now()
        emission.deliver(10)
        kept = EmittedEvent.objects.get()
        waits.append((kept.due_at - timezone.now()).total_seconds())
    assert waits == sorted(waits)
    assert waits[0] > 1
    assert emission.deliver(10) == 0


def test_inside_a_step_an_event_has_the_instances_lineage_and_a_key_that_repeats():
    env = make_env()
    bind("order.created")
    instance = Identity(uuid4(), env.org_id, env.id, "c", 1, uuid4(), 2)
    keys = []
    for _ in range(2):
        token = steps.running.set(Running(instance, "step:charge:1"))
        keys.append([emit("order.created", env=env).key for _ in range(2)])
        steps.running.reset(token)
    assert keys == [[f"{instance.id}:step:charge:1:{number}" for number in (1, 2)]] * 2
    assert set(Instance.objects.values_list("parent_id", "root_id", "depth")) == {(instance.id, instance.root_id, 3)}
    assert Instance.objects.count() == 2


@pytest.mark.parametrize(
    ("event", "part"),
    [
        ({"type": "order created"}, "type"),
        ({"type": ""}, "type"),
        ({"type": "order.*"}, "type"),
        ({"payload": object()}, "payload"),
        ({"payload": "x" * 600_000}, "payload"),
        ({"key": "k" * 256}, "key"),
        ({"key": "a\0b"}, "key"),
        ({"key": "a\ud800"}, "key"),
    ],
)
def test_what_is_no_event_is_refused_by_the_part_that_is_wrong(event, part):
    env = make_env()
    with pytest.raises(EventInvalid, match=f"^{part}: "):
        emit(**({"type": "order.created"} | event), env=env)


def test_an_event_of_an_environment_that_is_not_there_starts_nothing():
    env = make_env()
    bind("order.created")
    refresher.refresh()
    gone = Environment(org=env.org, slug="never")
    assert [each.submission.code for each in emit("order.created", env=gone).outcomes] == ["env_not_found"]
