"""The dialogs that decide about a dead letter, and the record of it."""

import uuid

import pytest

from mollifier import buffer
from mollifier.entry import Fail, State
from tests import people, stock, tenants
from workflows.intake import lookup
from workflows.models import DeadLetterDecision

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment():
    return tenants.make_env("acme", mode="on", limit=1)


@pytest.fixture
def letter(environment):
    (one,) = stock.mollify(environment, 1)
    claimed = buffer.claim(uuid.uuid4().hex, 1, 60_000)
    buffer.settle(claimed.token, [Fail(one, "54000: index row too large")])
    return one


def address(verb, id_, environment):
    return f"/admin/workflows/deadletterdecision/{id_}/{verb}/?env={environment.pk}"


def read(environment, id_):
    return buffer.read(lookup.scope_of(tenants.seen(environment)), id_)


def test_a_letter_is_redriven_with_a_reason(environment, letter):
    answer = people.oscar().post(address("redrive", letter, environment), {"reason": "mended"}, follow=True)
    assert "It is queued again." in answer.content.decode()
    assert read(environment, letter).state is State.QUEUED
    decision = DeadLetterDecision.objects.get()
    assert (decision.actor.get_username(), decision.reason, decision.decision) == ("oscar", "mended", "redriven")


def test_a_letter_is_discarded_with_a_reason_and_the_record_is_shown(environment, letter):
    client = people.oscar()
    client.post(address("discard", letter, environment), {"reason": "a test of last week"}, follow=True)
    assert read(environment, letter) is None
    page = client.get("/admin/workflows/deadletterdecision/").content.decode()
    assert "a test of last week" in page
    assert "54000: index row too large" in page


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_without_a_reason_nothing_is_decided(environment, letter, verb):
    assert people.oscar().post(address(verb, letter, environment), {"reason": ""}).status_code == 422
    assert read(environment, letter).state is State.FAILED


@pytest.mark.parametrize("verb", ["redrive", "discard"])
def test_who_may_only_look_is_refused(environment, letter, verb):
    client = people.vera()
    assert client.post(address(verb, letter, environment), {"reason": "x"}).status_code == 403
    page = client.get("/admin/buffer/").content.decode()
    assert f"Needs the permission to {verb} dead letters" in page


def test_the_buffer_offers_both_for_a_dead_letter_only(environment, letter):
    stock.mollify(environment, 1)
    page = people.oscar().get("/admin/buffer/").content.decode()
    assert page.count("Redrive…") == page.count("Discard…") == 1
    assert f"/admin/workflows/deadletterdecision/{letter}/redrive/" in page


def test_a_letter_that_is_gone_is_told(environment, letter):
    client = people.oscar()
    client.post(address("redrive", letter, environment), {"reason": "mended"})
    answer = client.post(address("discard", letter, environment), {"reason": "late"}, follow=True)
    assert "It is no dead letter any more." in answer.content.decode()
    answer = client.post(address("discard", uuid.uuid4(), environment), {"reason": "late"}, follow=True)
    assert "It is not buffered any more." in answer.content.decode()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_dialog_says_so(environment):
    answer = people.oscar().post(address("discard", uuid.uuid4(), environment), {"reason": "x"})
    assert answer.status_code == 422
    assert "Redis does not answer" in answer.content.decode()
