"""cleanup_event_storm: which instances and entries are meant; what all bulk commands do is in test_bulk.py."""

import json

import pytest
from django.core.management import CommandError, call_command

from mollifier import patches
from tests import tenants
from tests.intake.test_clearing import accept
from tests.stock import make_instance
from workflows.intake import lookup
from workflows.models import AuditRecord, Instance, Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment():
    return tenants.make_env("acme", mode="on", limit=1)


def run(capsys, *arguments):
    call_command("cleanup_event_storm", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def pending(environment, **fields):
    return make_instance(environment, **{"status": "pending", "last_seq": 1} | fields)


def statuses():
    return sorted(Instance.objects.values_list("definition", "status"))


@pytest.mark.parametrize("arguments", [(), ("--status", "paused"), ("--before", "1h"), ("--include-buffered",)])
def test_an_empty_filter_is_refused(arguments):
    with pytest.raises(CommandError, match="--workflow, --event, --org or --env") as caught:
        call_command("cleanup_event_storm", *arguments, "--execute")
    assert caught.value.returncode == 1
    assert not AuditRecord.objects.exists()


def test_an_unknown_status_is_a_usage_error():
    with pytest.raises(CommandError, match="'waiting' is not one of pending, paused"):
        call_command("cleanup_event_storm", "--workflow", "greet", "--status", "waiting")


def test_definitions_events_orgs_and_statuses_choose(environment, capsys):
    other = tenants.make_env("other")
    for definition in ("a", "b", "c"):
        pending(environment, definition=definition, event_type="order.created")
    pending(environment, definition="a", status="paused", event_type="order.created")
    pending(environment, definition="a", event_type="order.paid")
    pending(other, definition="a", event_type="order.created")
    chosen = ("--workflow", "a", "b", "--event", "order.created", "--org", "acme", "--status", "pending")
    found = run(capsys, *chosen)
    groups = {(group["org"], group["env"], group["definition"]): group["count"] for group in found["groups"]}
    assert groups == {("acme", "production", "a"): 1, ("acme", "production", "b"): 1}
    assert run(capsys, *chosen, "--execute")["done"] == 2
    assert statuses().count(("a", "pending")) == 2
    assert ("a", "paused") in statuses()
    assert ("b", "cancelled") in statuses()
    assert AuditRecord.objects.get().org_id == environment.org_id


def test_what_was_accepted_later_is_left(environment, capsys):
    pending(environment)
    assert run(capsys, "--workflow", "greet", "--before", "1h")["count"] == 0
    assert run(capsys, "--workflow", "greet", "--before", "2999-01-01")["count"] == 1


def test_a_dry_run_leaves_out_what_was_cancelled_in_the_buffer_as_the_act_does(environment, capsys):
    env = tenants.seen(environment)
    ids = accept(env, 3)
    patches.cancel(lookup.scope_of(env), ids[0], "by hand")
    found = run(capsys, "--org", "acme", "--include-buffered")
    told = run(capsys, "--org", "acme", "--include-buffered", "--execute")
    assert (found["count"], told["done"]) == (2, 2)


def test_what_is_buffered_is_only_meant_when_asked_for(environment, capsys):
    ids = accept(tenants.seen(environment), 3)
    pending(environment)
    assert run(capsys, "--org", "acme")["count"] == 1
    found = run(capsys, "--org", "acme", "--include-buffered")
    assert (found["count"], found["groups"][1]["status"], found["groups"][1]["count"]) == (4, "buffered", 3)
    told = run(capsys, "--org", "acme", "--include-buffered", "--execute", "--reason", "a loop")
    assert (told["done"], told["buffered"], told["outcome"]) == (4, 3, "done")
    rows = Instance.objects.filter(id__in=ids)
    assert set(rows.values_list("status", "error_message")) == {("cancelled", "a loop")}
    assert not Outbox.objects.exists()
    assert AuditRecord.objects.get().count == 4
