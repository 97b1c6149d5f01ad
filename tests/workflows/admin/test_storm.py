"""Storms in the admin."""

import pytest
from django_q.brokers import get_broker
from django_q.signing import SignedPackage

from tests import people
from tests.bound import bind
from tests.intake.test_suppressed import end_all, storm_of
from tests.tenants import make_env
from workflows import tasks
from workflows.models import AuditRecord, Instance, Storm

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/workflows/storm/"


@pytest.fixture
def storm(transactional_db) -> Storm:
    env = make_env()
    bind(limit=4)
    return storm_of(env)


def test_an_open_storm_is_listed_with_what_it_suppressed(storm):
    page = people.oscar().get(LIST).content.decode()
    assert "order.created -&gt; greet" in page
    assert ">open<" in page
    assert "4 of 4" in page
    assert f"{LIST}{storm.pk}/close/" in page
    detail = people.signed_in(people.make("other", "Viewer")).get(f"{LIST}{storm.pk}/change/")
    assert detail.status_code == 200


def test_one_is_closed_with_a_reason(storm):
    client = people.oscar()
    address = f"{LIST}{storm.pk}/close/"
    assert client.post(address, {"reason": ""}).status_code == 422
    assert "The storm is closed." in client.post(address, {"reason": "mended"}, follow=True).content.decode()
    storm.refresh_from_db()
    assert storm.closed_by == "oscar"
    assert AuditRecord.objects.get().reason == "mended"
    assert "It was closed already." in client.post(address, {"reason": "again"}, follow=True).content.decode()


def test_a_replay_is_in_the_audit_from_the_moment_it_is_queued(storm):
    end_all()
    client = people.oscar()
    address = f"{LIST}{storm.pk}/replay/"
    assert "3 are kept and not replayed yet" in client.get(address).content.decode()
    assert client.post(address, {"limit": 1_000, "rate": 1, "reason": "x"}).status_code == 422
    said = client.post(address, {"limit": 2, "rate": 100, "reason": "mended"}, follow=True).content.decode()
    record = AuditRecord.objects.get()
    assert f'<a href="/admin/workflows/auditrecord/{record.pk}/change/">Audit record</a>' in said
    assert (record.verb, record.outcome, record.filter) == ("replay_storm", "running", {"storm": storm.pk})
    broker = get_broker()
    (task,) = [SignedPackage.loads(each) for each in broker.connection.lrange(broker.list_key, 0, -1)]
    assert task["func"] == "workflows.tasks.replay_storm"
    assert tasks.replay_storm(*task["args"])["started"] == 2
    assert Instance.objects.filter(finished_at=None).count() == 2
    record = AuditRecord.objects.get()
    assert (record.actor.get_username(), record.reason, record.count) == ("oscar", "mended", 2)
    assert record.outcome == "done"
    assert tasks.replay_storm(*task["args"]) == {"replayed": False}


def test_a_replay_that_can_not_be_queued_is_recorded_as_failed(storm, no_redis):
    answer = people.oscar().post(f"{LIST}{storm.pk}/replay/", {"limit": 2, "rate": 100, "reason": "mended"})
    assert (answer.status_code, "can&#x27;t be queued" in answer.content.decode()) == (422, True)
    assert AuditRecord.objects.get().outcome == "failed"


def test_a_viewer_sees_the_verbs_disabled_and_is_refused(storm):
    client = people.vera()
    shown = client.get(LIST).content.decode()
    for verb in ("close_storm", "replay_storm", "cancel_instance"):
        assert f"Needs the permission to {verb}" in shown
    for verb in ("close", "replay", "cancel"):
        assert client.post(f"{LIST}{storm.pk}/{verb}/", {"reason": "x"}).status_code == 403
    assert people.oscar().get(f"{LIST}999999/close/").status_code == 404
    assert people.nora().get(LIST).status_code == 403


def test_each_verb_is_offered_to_who_may_use_it(storm):
    rita = people.make("rita", "Viewer")
    rita.user_permissions.add(people.permission("cancel_instance"))
    shown = people.signed_in(rita).get(LIST).content.decode()
    assert f"{LIST}{storm.pk}/cancel/" in shown
    assert f"{LIST}{storm.pk}/replay/" not in shown
    group = "q=env%3Aacme%2Fproduction+definition%3Agreet+event%3Aorder.created"
    assert f"/admin/workflows/bulkaction/new/?verb=cancel&amp;{group}" in shown
