"""Decisions about dead letters, and their record."""

import uuid

import pytest
from django_q.brokers import get_broker
from django_redis import get_redis_connection

from mollifier import buffer
from mollifier.entry import Fail
from tests import people
from tests.mollifier.makers import accept
from tests.tenants import make_env, seen
from workflows.intake import deadletters, lookup
from workflows.intake.deadletters import DeadLetterOutcome
from workflows.intake.lookup import LookupUnavailable
from workflows.intake.rollout import Actor
from workflows.models import DeadLetterDecision

pytestmark = pytest.mark.django_db
ADA = Actor("ada")


@pytest.fixture
def env():
    return seen(make_env())


def make_letter(env, snapshot=b"no trigger"):
    (one,) = accept(1, lookup.scope_of(env), snapshot=snapshot)
    claimed = buffer.claim(uuid.uuid4().hex, 1, 60_000)
    buffer.settle(claimed.token, [Fail(one, "why")])
    return one


def test_a_letter_that_can_not_be_read_can_be_discarded(env):
    one = make_letter(env)
    redis = get_redis_connection("buffer")
    (name,) = redis.scan_iter(f"*entry:{one}")
    redis.set(name, redis.get(name).replace(b"1 ", b"9 ", 1))
    assert deadletters.discard(env, one, actor=ADA, reason="of a version we left") is DeadLetterOutcome.DISCARDED
    decision = DeadLetterDecision.objects.get()
    assert (decision.definition, decision.error) == ("unreadable", "")


def test_a_decision_names_the_user_who_made_it(env):
    one, olga = make_letter(env), people.make("olga")
    deadletters.redrive(env, one, actor=Actor.from_user(olga), reason=" mended ")
    decision = DeadLetterDecision.objects.get()
    assert (decision.actor, decision.actor_name, decision.reason) == (olga, "olga", "mended")
    assert (decision.env_id, decision.error) == (env.id, "why")


def test_a_redriven_letter_asks_for_a_drainer(env):
    get_broker().purge_queue()
    deadletters.redrive(env, make_letter(env), actor=ADA, reason="mended")
    assert get_broker().queue_size() == 1
    deadletters.redrive(env, uuid.uuid4(), actor=ADA, reason="not there")
    assert get_broker().queue_size() == 1


def test_what_is_not_carried_out_leaves_no_record(env):
    assert deadletters.discard(env, uuid.uuid4(), actor=ADA, reason="x") is DeadLetterOutcome.NOT_FOUND
    assert not DeadLetterDecision.objects.exists()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_is_decided(env):
    with pytest.raises(LookupUnavailable):
        deadletters.discard(env, uuid.uuid4(), actor=ADA, reason="x")
    assert not DeadLetterDecision.objects.exists()
