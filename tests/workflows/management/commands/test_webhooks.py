"""The webhooks command."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests import receivers
from tests.nowhere import no_redis
from tests.outages import outage
from tests.outside import Outside, serve
from tests.processes import environment
from tests.receivers import tell
from tests.tenants import make_env
from tests.waiting import until
from tests.workflows.management.commands.test_workflow_pump import _signals_as_they_were
from workflows.models import AuditRecord, Delivery, Webhook

__all__ = ["_signals_as_they_were", "no_redis", "outage"]
pytestmark = pytest.mark.django_db
ELSEWHERE = Outside(port=1)
NOBODY = "019ab000-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}


@pytest.fixture
def run(capsys):
    def run_(*arguments):
        call_command("webhooks", *arguments)
        return capsys.readouterr().out

    return run_


def test_the_list_tells_what_waits_and_failed_and_no_secret_or_path(run):
    org = make_env().org_id
    made = receivers.make(ELSEWHERE, org, path="/secret-path")
    receivers.make(ELSEWHERE, enabled=False)
    tell(org)
    Delivery.objects.filter(id=tell(org).id).update(next_at=None)
    Delivery.objects.filter(id=tell(org).id).update(next_at=None, delivered_at=timezone.now())
    rows = json.loads(run("list", "--json"))["webhooks"]
    counts = [(row["org"], row["enabled"], row["waiting"], row["failed"]) for row in rows]
    assert counts == [(None, False, 0, 0), ("acme", True, 1, 1)]
    shown = run("list")
    assert f"{made.webhook.id}  acme  http://127.0.0.1:1  enabled  1 waiting, 1 failed" in shown
    assert "*  http://127.0.0.1:1  off" in shown
    for hidden in ("secret-path", "whsec_"):
        assert hidden not in shown
    assert [row["org"] for row in json.loads(run("list", "--org", "acme", "--json"))["webhooks"]] == ["acme"]


def test_a_ping_and_a_redelivery_are_recorded_with_their_reasons(run):
    made = receivers.make(ELSEWHERE)
    assert "on its way" in run("test", str(made.webhook.id), "--reason", "try it")
    delivery = Delivery.objects.get()
    Delivery.objects.update(next_at=None)
    told = json.loads(run("redeliver", str(delivery.id), "--reason", "it was down", "--json"))
    assert told == {"delivery": str(delivery.id), "event_id": str(delivery.event_id), "type": "ping"}
    records = AuditRecord.objects.order_by("-id").values_list("verb", "reason")[:2]
    assert list(records) == [("redeliver", "it was down"), ("ping_webhook", "try it")]
    assert AuditRecord.objects.first().actor_name.startswith("command: ")


@pytest.mark.parametrize("action", ["test", "redeliver"])
def test_what_is_not_there_is_refused_with_its_code(run, action):
    with pytest.raises(CommandError, match="not_found: There is no such") as refused:
        run(action, NOBODY, "--reason", "why")
    assert refused.value.returncode == 1


@pytest.mark.django_db(transaction=True)
def test_once_tells_of_a_redis_that_is_away(run, no_redis):
    with serve() as outside:
        made = receivers.make(outside)
        told = json.loads(run("run", "--once", "--json"))
        (seen,) = outside.seen
    assert told == {"watched": {"gate": "begins", "buffer": "unknown"}, "taken": 1, "outcomes": {"delivered": 1}}
    assert (seen.json["type"], seen.json["data"]["redis"]) == ("gate.tripped", "unavailable")
    assert receivers.signed_by(made.secret, seen)


def test_once_says_that_nothing_is_due(run):
    assert run("run", "--once") == "nothing is due\n"


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_it_sends_what_comes_until_it_is_stopped():
    with serve() as outside:
        receivers.make(outside)
        tell()
        env = environment(WORKFLOWS_OUTBOUND_ALLOW=receivers.ALLOWED)
        process = subprocess.Popen([sys.executable, "manage.py", "webhooks", "run"], env=env, stdout=subprocess.DEVNULL)
        try:
            until(lambda: len(outside.seen) == 1, 60)
            tell()
            until(lambda: len(outside.seen) == 2, 60)
            until(lambda: not Delivery.objects.filter(next_at__isnull=False).exists())
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


@pytest.mark.django_db(transaction=True)
def test_an_outage_of_the_database_is_waited_out(capsys, monkeypatch, outage):
    from workflows.management.commands import webhooks as command

    monkeypatch.setattr(command, "SEND_SECONDS", 0.05)
    with serve() as outside:
        receivers.make(outside)
        tell()
        outage.begin()
        story = threading.Thread(target=end_and_stop, args=(outage, outside))
        story.start()
        call_command("webhooks", "run")
        story.join()
    assert Webhook.objects.count() == 1
    assert Delivery.objects.get().state == "delivered"


def end_and_stop(outage, outside):
    threading.Event().wait(0.5)
    outage.end()
    try:
        until(lambda: outside.seen)
        threading.Event().wait(0.5)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.django_db(transaction=True)
def test_once_ends_when_the_database_does_not_answer(run, outage):
    outage.begin()
    with pytest.raises(CommandError, match="the database does not answer") as refused:
        run("run", "--once")
    assert refused.value.returncode == 1
