"""cleanup_instances: which finished instances are deleted; what all bulk commands do is in test_bulk.py."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import tenants
from tests.intake.test_clearing import accept
from tests.stock import make_instance
from workflows import engine, snapshot
from workflows.intake import clearing
from workflows.models import AuditRecord, Event, Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment():
    return tenants.make_env("acme", mode="on", limit=1)


def run(capsys, *arguments):
    call_command("cleanup_instances", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def ended(environment, days, status="completed", **fields):
    return make_instance(environment, status=status, finished_at=timezone.now() - timedelta(days=days), **fields)


def left():
    return set(Instance.objects.values_list("id", flat=True))


@pytest.mark.parametrize("arguments", [(), ("--status", "failed"), ("--org", "acme")])
def test_an_empty_filter_is_refused(environment, arguments):
    with pytest.raises(CommandError, match="--finished-before") as caught:
        call_command("cleanup_instances", *arguments, "--execute")
    assert caught.value.returncode == 1


def test_what_ended_long_ago_is_deleted(environment, capsys):
    ended(environment, 40)
    ended(environment, 31, "failed")
    young, running = ended(environment, 29), make_instance(environment, status="running")
    assert run(capsys, "--finished-before", "30d")["count"] == 2
    assert run(capsys, "--finished-before", "30d", "--execute")["done"] == 2
    assert left() == {young.id, running.id}
    assert AuditRecord.objects.get().filter == {"finished_before": "30d"}


def test_statuses_definitions_and_orgs_choose(environment, capsys):
    other = tenants.make_env("other")
    kept = {
        ended(environment, 40).id,
        ended(environment, 40, "failed", definition="b").id,
        ended(other, 40, "failed").id,
    }
    ended(environment, 40, "failed")
    ended(environment, 40, "cancelled")
    chosen = ("--status", "failed,cancelled", "--workflow", "greet", "--org", "acme")
    assert run(capsys, "--finished-before", "30d", *chosen, "--execute")["done"] == 2
    assert left() == kept
    with pytest.raises(CommandError, match="'running' is not one of"):
        call_command("cleanup_instances", "--finished-before", "30d", "--status", "running")


def test_one_whose_entry_is_still_buffered_is_kept(environment, capsys):
    env = tenants.seen(environment)
    (one,) = accept(env)
    (page,) = clearing.find(clearing.Selection(envs=(env,)))
    engine.start(snapshot.decode(page[0].entry.snapshot))
    engine.cancel(one, "done", actor="x")
    told = run(capsys, "--finished-before", "0s", "--execute")
    assert (told["done"], told["buffered"], left()) == (0, 1, {one})
    clearing.remove(iter([page]), clearing.Walk())
    told = run(capsys, "--finished-before", "0s", "--execute")
    assert (told["done"], told["events"], Event.objects.count()) == (1, 2, 0)
