"""Notices are written where they happen, for those who want them, and no longer than that holds."""

import msgspec
import pytest
from django.db import transaction
from django_q.brokers import get_broker

from tests import receivers
from tests.nowhere import no_redis
from tests.outside import Outside
from tests.tenants import make_env
from workflows import metrics, notices
from workflows.models import Delivery
from workflows.notices import Notice

__all__ = ["no_redis"]
pytestmark = pytest.mark.django_db
ELSEWHERE = Outside(port=1)


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}


def told(made):
    return list(Delivery.objects.filter(webhook=made.webhook).order_by("created_at").values_list("type", flat=True))


def test_a_notice_goes_to_its_org_and_to_who_hears_everybody():
    acme, other = make_env().org_id, make_env("other").org_id
    own, foreign = receivers.make(ELSEWHERE, acme), receivers.make(ELSEWHERE, other)
    everybody = receivers.make(ELSEWHERE)
    assert notices.tell(Notice.STORM_OPENED, acme, {"n": 1}) == 2
    assert notices.tell(Notice.GATE_TRIPPED, None, {}) == 1
    assert told(own) == ["storm.opened"]
    assert told(foreign) == []
    assert told(everybody) == ["storm.opened", "gate.tripped"]


def test_who_did_not_ask_or_is_switched_off_is_not_told():
    picky = receivers.make(ELSEWHERE, types=["storm.closed"])
    off = receivers.make(ELSEWHERE, enabled=False)
    assert notices.tell(Notice.STORM_OPENED, None, {}) == 0
    assert told(picky) == told(off) == []


def test_all_webhooks_get_one_id_and_one_body():
    receivers.make(ELSEWHERE)
    receivers.make(ELSEWHERE)
    notices.tell(Notice.STORM_OPENED, None, {"storm_id": 7})
    one, other = Delivery.objects.all()
    assert (one.event_id, one.body) == (other.event_id, other.body)
    body = msgspec.json.decode(one.body)
    assert list(body) == ["type", "timestamp", "data"]
    assert (body["type"], body["data"]) == ("storm.opened", {"storm_id": 7})
    assert body["timestamp"].endswith("Z")


def test_what_is_rolled_back_was_never_told():
    receivers.make(ELSEWHERE)
    with transaction.atomic():
        notices.tell(Notice.STORM_OPENED, None, {})
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_one_for_which_too_much_waits_is_left_out_and_that_is_counted(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "WEBHOOK_MAX_WAITING": 2}
    slow = receivers.make(ELSEWHERE)
    for _ in range(2):
        assert notices.tell(Notice.STORM_OPENED, None, {}) == 1
    fresh = receivers.make(ELSEWHERE)
    assert notices.tell(Notice.STORM_OPENED, None, {}) == 1
    assert (len(told(slow)), len(told(fresh))) == (2, 1)
    metric = next(each for each in metrics.collect() if each.name == "workflows_webhook_deliveries")
    assert {each.labels["outcome"]: each.value for each in metric.samples}["dropped"] == 1.0


@pytest.mark.django_db(transaction=True)
def test_the_cluster_is_woken_after_the_commit_and_only_when_somebody_is_told():
    broker = get_broker()
    notices.tell(Notice.STORM_OPENED, None, {})
    assert broker.queue_size() == 0
    receivers.make(ELSEWHERE)
    with transaction.atomic():
        notices.tell(Notice.STORM_OPENED, None, {})
        assert broker.queue_size() == 0
    assert broker.queue_size() == 1


@pytest.mark.django_db(transaction=True)
def test_without_a_queue_a_notice_is_kept_for_the_next_pass(no_redis):
    receivers.make(ELSEWHERE)
    assert not notices.wake()
    assert notices.tell(Notice.STORM_OPENED, None, {}) == 1
    assert Delivery.objects.get().state == "waiting"
