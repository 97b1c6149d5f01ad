"""A process that works on a bulk action is killed: another goes on, and each instance is cancelled and counted once."""

import signal
import subprocess
import sys

import pytest

from tests.intake import bulks
from tests.processes import environment
from tests.tenants import make_env, trigger
from tests.waiting import until
from workflows import engine
from workflows.cleanup.locks import LockHeld
from workflows.intake import slices
from workflows.models import AuditRecord, BulkAction, BulkState, Event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]
COUNT = 40


def test_what_a_killed_process_left_is_done_by_the_next_one():
    env = make_env()
    for _ in range(COUNT):
        engine.start(trigger(env))
    action = bulks.make("cancel", "org:acme")
    command = [sys.executable, "-m", "tests.intake.bulk_worker", str(action.pk)]
    with subprocess.Popen(command, env=environment(WORKFLOWS_BULK_BATCH="5"), stdout=subprocess.PIPE) as process:
        for _ in range(12):
            assert process.stdout.readline() == b"one\n"
        process.send_signal(signal.SIGKILL)
    action.refresh_from_db()
    assert action.state == BulkState.RUNNING
    assert 10 <= action.done < COUNT
    assert Event.objects.filter(type="cancelled").count() == action.done

    def is_done() -> bool:
        # The server notices a little later that the killed one's connection, and with it the lock, is gone.
        try:
            return slices.run(action.pk, bulks.never) is True
        except LockHeld:
            return False

    until(is_done)
    action = BulkAction.objects.get()
    assert (action.state, action.done, action.skipped, action.failed) == (BulkState.DONE, COUNT, 0, 0)
    assert AuditRecord.objects.get().count == COUNT
    assert Event.objects.filter(type="cancelled").count() == COUNT
