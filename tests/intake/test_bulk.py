"""Bulk actions are counted beforehand, kept, watched and aborted."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.signing import SignedPackage

from tests import stock
from tests.intake import bulks
from tests.tenants import make_env, seen
from workflows.audit import Actor
from workflows.intake import bulk
from workflows.intake.lookup import LookupUnavailable
from workflows.models import AuditRecord, BulkAction, BulkState, Instance
from workflows.search import SearchInvalid

OSCAR = Actor("oscar")
pytestmark = pytest.mark.django_db(transaction=True)


def queued() -> list:
    broker = get_broker()
    return [SignedPackage.loads(each) for each in broker.connection.lrange(broker.list_key, 0, -1)]


def test_a_dry_run_counts_and_changes_nothing():
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    waiting = stock.mollify(environment, 2)
    row = stock.make_instance(environment)
    counted = bulk.dry_run("cancel", "org:acme")
    assert (counted.count, counted.more) == (3, False)
    assert {each["id"] for each in counted.sample} == {str(row.pk), *map(str, waiting)}
    assert counted.sample[0]["tenant"] == "acme/production"
    assert not BulkAction.objects.exists()
    assert not Instance.objects.exclude(finished_at=None).exists()


def test_a_count_ends_at_its_cap(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "BULK_COUNTED": 3, "BULK_BATCH": 2}
    environment = make_env()
    for _ in range(7):
        stock.make_instance(environment)
    counted = bulk.dry_run("cancel", "org:acme")
    assert (counted.count, counted.more) == (3, True)


def test_an_empty_filter_is_refused_and_nothing_is_kept():
    with pytest.raises(SearchInvalid):
        bulks.make("cancel", " ")
    assert not BulkAction.objects.exists()
    assert not AuditRecord.objects.exists()


@pytest.mark.usefixtures("no_redis")
def test_without_redis_nothing_begins():
    make_env()
    with pytest.raises(LookupUnavailable):
        bulks.make("cancel", "org:acme")
    assert not BulkAction.objects.exists()


def test_one_is_kept_audited_and_queued():
    env = make_env()
    stock.make_instance(env)
    get_broker().purge_queue()
    action = bulks.make("cancel", "  org:acme   -vip ", env=seen(env))
    assert (action.search, action.total, action.state) == ("org:acme -tag:vip", 1, BulkState.PENDING)
    record = AuditRecord.objects.get()
    assert (record.verb, record.outcome, record.target) == ("bulk_cancel", "running", "org:acme -tag:vip")
    assert record.org_id == env.org_id
    (task,) = queued()
    assert (task["func"], task["args"]) == ("workflows.tasks.run_bulk", (str(action.pk),))


def test_one_that_nobody_works_on_is_aborted_at_once():
    make_env()
    action = bulks.make("cancel", "org:acme")
    assert bulk.abort(action, actor=OSCAR, reason=" wrong filter ")
    action.refresh_from_db()
    assert (action.state, action.note) == (BulkState.ABORTED, "Aborted by oscar: wrong filter")
    assert AuditRecord.objects.get(verb="bulk_cancel").outcome == "interrupted"
    assert not bulk.abort(action, actor=Actor("vera"), reason="me too")
    record = AuditRecord.objects.get(verb="abort_bulk_action")
    assert (record.actor_name, record.reason, record.count, record.outcome) == ("oscar", "wrong filter", 1, "done")
    assert (record.target, record.filter["bulk_action"]) == ("org:acme", str(action.pk))


def test_one_that_another_process_works_on_is_asked_to_end():
    make_env()
    action = bulks.make("cancel", "org:acme")
    with bulks.held(action):
        assert bulk.abort(action, actor=OSCAR)
    action.refresh_from_db()
    assert (action.state, action.abort_by) == (BulkState.PENDING, "oscar")
    assert AuditRecord.objects.get(verb="abort_bulk_action").reason == "Aborted by a caller"


def test_the_schedule_asks_for_those_without_a_heartbeat():
    make_env()
    lost, fresh, ended = (bulks.make("cancel", "org:acme") for _ in range(3))
    past = timezone.now() - timedelta(minutes=5)
    BulkAction.objects.filter(pk__in=[lost.pk, ended.pk]).update(created_at=past)
    bulk.end(ended, BulkState.DONE, "")
    get_broker().purge_queue()
    assert bulk.heal() == 1
    assert [task["args"] for task in queued()] == [(str(lost.pk),)]
    assert fresh.pk


def test_an_environment_sees_its_own():
    own, other = make_env(), make_env("beta")
    mine, theirs = (bulks.make("cancel", "env:production", env=seen(each)) for each in (own, other))
    everywhere = bulks.make("cancel", "org:acme")
    assert [each.pk for each in bulk.listing(seen(own), None, 10)] == [mine.pk]
    assert [each.pk for each in bulk.listing(None, everywhere.pk, 10)] == [theirs.pk, mine.pk]
    assert bulk.find(seen(own), theirs.pk) is None
    assert bulk.find(seen(own), mine.pk) == mine
