"""Notices across processes: the cluster sends what others told; who dies in between is followed, with one id."""

import signal
import subprocess
import sys
import threading

import pytest
from django_q.models import Schedule

from tests import receivers
from tests.outside import serve
from tests.processes import environment
from tests.receivers import ADA
from tests.tenants import make_env
from tests.waiting import until
from workflows.intake import deliveries, rollout
from workflows.models import Delivery

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
# Tells, and dies where the cluster would be woken.
DIES_AFTER_COMMIT = """
import os, signal, django
django.setup()
from workflows import notices
notices.wake = lambda: os.kill(os.getpid(), signal.SIGKILL)
notices.tell(notices.Notice.STORM_OPENED, None, {"n": 1})
"""
SENDS = """
import django
django.setup()
from workflows.intake import deliveries, rollout
deliveries.run()
"""


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": receivers.ALLOWED}


def start(program):
    env = environment(WORKFLOWS_OUTBOUND_ALLOW=receivers.ALLOWED)
    return subprocess.Popen([sys.executable, "-c", program], env=env)


def test_a_notice_whose_teller_was_killed_after_the_commit_is_delivered():
    with serve() as outside:
        made = receivers.make(outside)
        assert start(DIES_AFTER_COMMIT).wait(60) == -signal.SIGKILL
        assert Delivery.objects.get().attempts == 0
        assert dict(deliveries.run().outcomes) == {"delivered": 1}
        (seen,) = outside.seen
    assert seen.json["data"] == {"n": 1}
    assert receivers.signed_by(made.secret, seen)


def test_a_sender_that_was_killed_before_the_answer_is_followed_with_the_same_id():
    release = threading.Event()
    with serve() as outside:
        receivers.make(outside)
        delivery = receivers.tell()
        outside.answer = lambda handler: (release.wait(60), handler.say(200))
        victim = start(SENDS)
        try:
            until(lambda: outside.seen, 60)
        finally:
            victim.kill()
            victim.wait(30)
            release.set()
        assert deliveries.run().taken == 0, "it is held for the one that died"
        Delivery.objects.update(held_until=None)
        until(lambda: deliveries.run().taken)
        assert [seen.headers["webhook-id"] for seen in outside.seen] == [str(delivery.event_id)] * 2
    sent = Delivery.objects.get()
    assert (sent.state, sent.attempts) == ("delivered", 2)


def test_the_cluster_is_woken_and_sends_what_another_process_told():
    """No schedule is there to help: the wake-up after the commit is all that the cluster hears."""
    Schedule.objects.all().delete()
    with serve() as outside:
        env = environment(WORKFLOWS_OUTBOUND_ALLOW=receivers.ALLOWED)
        command = [sys.executable, "manage.py", "qcluster"]
        cluster = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            org = make_env("acme").org
            receivers.make(outside, org.id)
            rollout.set_rollout(org.id, actor=ADA, reason="enrol", mode="on")
            until(lambda: outside.seen, 60)
            until(lambda: Delivery.objects.get().state == "delivered")
        finally:
            cluster.send_signal(signal.SIGTERM)
            cluster.wait(60)
    assert outside.seen[0].json["type"] == "rollout.changed"
