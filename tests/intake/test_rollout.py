"""Changing and undoing how far an org is enrolled."""

import threading
from uuid import uuid4

import msgspec
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django_redis import get_redis_connection

from mollifier import buffer
from mollifier.decision import Scope
from tests import receivers
from tests.mollifier.makers import accept
from tests.outside import Outside
from tests.tenants import make_env, request
from workflows.intake import refresher, rollout, submission
from workflows.intake.rollout import Actor, RolloutRefused
from workflows.models import Delivery, FlagChange, OrganizationFlags

ADA = Actor("ada")


@pytest.fixture
def org(db):
    return make_env("acme", "production").org


def refused(org, **values) -> RolloutRefused:
    with pytest.raises(RolloutRefused) as caught:
        rollout.set_rollout(org.id, **{"actor": ADA, "reason": "why", **values})
    assert FlagChange.objects.count() == 0
    return caught.value


def test_a_change_is_written_with_who_why_before_and_after(org):
    user = get_user_model().objects.create_user("grace")
    change = rollout.set_rollout(org.id, actor=Actor.from_user(user), reason=" enrol ", mode="on", percent=50, limit=7)
    assert (change.actor, change.actor_name, change.reason) == (user, "grace", "enrol")
    assert change.before == {
        "mode": "off",
        "percent": 100,
        "limit": None,
        "window_ms": None,
        "hold_ms": None,
        "org_limit": None,
        "org_window_ms": None,
        "weight": 1.0,
        "paused": False,
    }
    assert change.after == {**change.before, "mode": "on", "percent": 50, "limit": 7}
    flags = OrganizationFlags.objects.get(org=org)
    assert rollout.described(flags) == change.after


def test_what_is_not_given_stays(org):
    rollout.set_rollout(org.id, actor=ADA, reason="one", mode="shadow", limit=7)
    rollout.set_rollout(org.id, actor=ADA, reason="two", mode="on")
    assert OrganizationFlags.objects.get(org=org).limit == 7


def test_the_next_refresh_changes_what_becomes_of_triggers(org):
    env = org.environments.get()
    assert type(submission.submit(request(env))) is submission.Started
    rollout.set_rollout(org.id, actor=ADA, reason="enrol", mode="on", limit=1, window_ms=60_000)
    refresher.refresh()
    outcomes = [type(submission.submit(request(env))) for _ in range(2)]
    assert outcomes == [submission.Started, submission.Buffered]


def test_a_change_without_a_reason_is_refused(org):
    assert refused(org, reason="  ", mode="on").fields == {"reason": ["Say why."]}


@pytest.mark.parametrize(
    ("field", "value"), [("percent", 101), ("percent", -1), ("limit", 0), ("weight", 0), ("mode", "sideways")]
)
def test_values_out_of_range_are_refused_by_name(org, field, value):
    refusal = refused(org, **{field: value})
    assert refusal.code == "values_invalid"
    assert list(refusal.fields) == [field]


def test_a_change_of_what_changed_meanwhile_is_refused(org):
    first = rollout.set_rollout(org.id, actor=ADA, reason="first", mode="on", expected_version=0)
    version = OrganizationFlags.objects.get(org=org).version
    for stale in (0, version - 1):
        with pytest.raises(RolloutRefused) as caught:
            rollout.set_rollout(org.id, actor=ADA, reason="stale", mode="off", expected_version=stale)
        assert caught.value.code == "version_conflict"
    rollout.set_rollout(org.id, actor=ADA, reason="fresh", mode="off", expected_version=version)
    assert FlagChange.objects.exclude(id=first.pk).count() == 1


def test_a_change_is_undone_by_another_change(org):
    change = rollout.set_rollout(org.id, actor=ADA, reason="try", mode="on", percent=10)
    undone = rollout.undo(change, actor=ADA, reason="no good")
    assert (undone.before, undone.after) == (change.after, change.before)
    assert OrganizationFlags.objects.get(org=org).mode == "off"


def test_an_old_change_is_not_undone_over_a_newer_one(org):
    old = rollout.set_rollout(org.id, actor=ADA, reason="old", mode="on")
    rollout.set_rollout(org.id, actor=ADA, reason="new", mode="shadow")
    with pytest.raises(RolloutRefused) as caught:
        rollout.undo(old, actor=ADA, reason="oops")
    assert caught.value.code == "changed_since"


@pytest.mark.django_db(transaction=True)
def test_of_two_first_changes_at_once_both_are_recorded_in_order():
    org = make_env("acme", "production").org

    def change(mode):
        rollout.set_rollout(org.id, actor=ADA, reason=mode, mode=mode)
        connection.close()

    threads = [threading.Thread(target=change, args=(mode,)) for mode in ("on", "shadow")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest, oldest = FlagChange.objects.all()
    assert oldest.before["mode"] == "off"
    assert newest.before == oldest.after
    assert OrganizationFlags.objects.get().mode == newest.after["mode"]


@pytest.mark.django_db(transaction=True)
def test_a_weight_is_copied_to_redis_after_the_commit():
    org = make_env("acme", "production").org
    rollout.set_rollout(org.id, actor=ADA, reason="heavier", weight=4)
    redis = get_redis_connection("buffer")
    copied = [redis.hget(key, str(org.id)) for key in redis.scan_iter("*weights*")]
    assert copied == [b"4.0"]


@pytest.mark.django_db(transaction=True)
def test_a_paused_org_is_drained_no_more_until_it_goes_on():
    env = make_env("acme", "production")
    (one,) = accept(1, Scope(str(env.org_id), str(env.id)))
    rollout.set_rollout(env.org_id, actor=ADA, reason="their database is down", paused=True)
    assert claimed() == []
    rollout.set_rollout(env.org_id, actor=ADA, reason="it is back", paused=False)
    assert claimed() == [one]


def claimed():
    return [entry.id for entry in buffer.claim(uuid4().hex, 10, 60_000).entries]


@pytest.mark.django_db(transaction=True)
def test_what_redis_forgot_of_shares_is_put_right():
    env, other = make_env("acme"), make_env("globex")
    rollout.set_rollout(env.org_id, actor=ADA, reason="x", paused=True)
    rollout.set_rollout(other.org_id, actor=ADA, reason="x", weight=3)
    get_redis_connection("buffer").flushdb()
    assert rollout.reconcile() == 2
    assert rollout.reconcile() == 0
    accept(1, Scope(str(env.org_id), str(env.id)))
    assert claimed() == []


@pytest.mark.django_db(transaction=True)
def test_a_weight_is_changed_without_redis_too(no_redis):
    org = make_env("acme", "production").org
    rollout.set_rollout(org.id, actor=ADA, reason="heavier", weight=4)
    assert OrganizationFlags.objects.get().weight == 4


def test_who_asked_is_told_of_a_change_and_of_its_undoing_and_of_no_refusal(org, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}
    receivers.make(Outside(port=1), org.id)
    receivers.make(Outside(port=1), make_env("other").org_id)
    refused(org, percent=101)
    change = rollout.set_rollout(org.id, actor=ADA, reason="enrol", mode="on")
    rollout.undo(change, actor=ADA, reason="too soon")
    bodies = [msgspec.json.decode(each.body) for each in Delivery.objects.order_by("created_at")]
    assert [body["type"] for body in bodies] == ["rollout.changed"] * 2
    data = [body["data"] for body in bodies]
    assert [(each["before"]["mode"], each["after"]["mode"]) for each in data] == [("off", "on"), ("on", "off")]
    assert [each["reason"] for each in data] == ["enrol", "too soon"]
    assert {(each["org"], each["actor"]) for each in data} == {("acme", "ada")}
