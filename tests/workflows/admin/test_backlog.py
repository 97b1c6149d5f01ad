"""The dialog that cancels the backlog of a storm."""

import pytest
from django_q.brokers import get_broker

from tests import people
from tests.bound import bind
from tests.intake import bulks
from tests.intake.test_suppressed import storm_of
from tests.stock import make_instance
from tests.tenants import make_env
from workflows.models import AuditRecord, BulkAction, Instance, Outbox, Storm
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/workflows/storm/"


@pytest.fixture
def storm(transactional_db) -> Storm:
    bind(limit=4)
    return storm_of(make_env())


def test_it_says_how_many_of_what_would_go_and_what_goes_on_before_anything_is_begun(storm):
    made = Instance.objects.order_by("id")
    Instance.objects.filter(pk=made[0].pk).update(status=Status.RUNNING)
    Instance.objects.filter(pk=made[1].pk).update(status=Status.WAITING)
    Instance.objects.filter(pk=made[2].pk).update(status=Status.PAUSED)
    make_instance(storm.env, definition="greet", event_type="another.type", status="pending")
    page = people.oscar().get(f"{LIST}{storm.pk}/cancel/").content.decode()
    said = " ".join(page.split())
    assert "<strong>2</strong> would be cancelled now" in said
    for state in ("pending", "paused", "running", "waiting"):
        assert f">{state}<" in said
    assert "What a pump has begun goes on" in said
    assert str(made[3].pk)[-12:] in said
    assert not BulkAction.objects.exists()
    assert not AuditRecord.objects.exists()


def test_it_is_begun_with_a_reason_done_quietly_and_audited(storm):
    client, address = people.oscar(), f"{LIST}{storm.pk}/cancel/"
    assert client.post(address, {"reason": ""}).status_code == 422
    get_broker().purge_queue()
    followed = client.post(address, {"reason": "a loop"}, follow=True).content.decode()
    assert "It is begun; this page follows it." in followed
    action = bulks.run(BulkAction.objects.get())
    record = AuditRecord.objects.get()
    assert (action.state, action.done, record.verb, record.count) == ("done", 4, "bulk_cancel_backlog", 4)
    assert (record.actor.get_username(), record.reason) == ("oscar", "a loop")
    assert set(Instance.objects.values_list("status", "error_message")) == {("cancelled", "a loop")}
    assert not Outbox.objects.exists()
    assert "none, nothing of this group has been begun" in client.get(address).content.decode()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_is_begun_and_it_says_so(transactional_db):
    env = make_env()
    made = make_instance(env, event_type="order.created")
    now = made.created_at
    storm = Storm.objects.create(
        org=env.org, env=env, definition="greet", event_type="order.created", limit=4, opened_at=now, last_at=now
    )
    answer = people.oscar().post(f"{LIST}{storm.pk}/cancel/", {"reason": "a loop"})
    assert answer.status_code == 422
    assert "Redis does not answer" in answer.content.decode()
    assert not BulkAction.objects.exists()
