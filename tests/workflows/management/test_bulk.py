"""What the bulk commands share, shown by cleanup_event_storm."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from tests import processes, waiting
from tests.house.test_docs import ROOT
from tests.tenants import make_env
from tests.workflows.cleanup.test_locks import held_elsewhere
from tests.workflows.making import dense, held_row, log_of, make_instances
from workflows.management import bulk
from workflows.models import AuditRecord, Instance

pytestmark = pytest.mark.django_db(transaction=True)
FILTER = {
    "workflow": ["storm"],
    "status": "paused,pending",
    "include_stale_running": False,
    "include_buffered": False,
    "before": None,
}
COMMAND = ("cleanup_event_storm", "--workflow", "storm")


def run(capsys, *arguments):
    call_command(*COMMAND, *arguments)
    return capsys.readouterr().out


def refused(capsys, *arguments) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        call_command(*arguments)
    return caught.value.returncode, str(caught.value)


def left() -> int:
    return Instance.objects.exclude(status="cancelled").count()


def start(*arguments, **streams) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "manage.py"), *COMMAND, *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=processes.environment(), text=True, **streams)


def test_without_execute_it_only_says_what_it_would_do(capsys):
    make_instances("storm", [1] * 3)
    assert "3 instances would be cancelled; --execute does it" in run(capsys)
    told = json.loads(run(capsys, "--json"))
    assert (told["verb"], told["executed"], told["count"], told["filter"]) == (COMMAND[0], False, 3, FILTER)
    assert (len(told["sample"]), told["groups"][0]["count"]) == (3, 3)
    assert (left(), AuditRecord.objects.count()) == (3, 0)


def test_it_says_in_one_object_what_it_did_and_where_that_is_recorded(capsys):
    make_instances("storm", [1] * 5)
    told = json.loads(run(capsys, "--execute", "--json", "--batch-size", "2", "--reason", "a loop"))
    assert (told["executed"], told["done"], told["outcome"], told["busy"], told["capped"]) == (
        True,
        5,
        "done",
        0,
        False,
    )
    record = AuditRecord.objects.get(pk=told["audit"])
    assert (record.verb, record.target, record.reason, record.count) == (COMMAND[0], "storm", "a loop", 5)
    assert (record.outcome, record.filter, record.actor_name[:9]) == ("done", FILTER, "command: ")
    assert f"0 instances cancelled, audit record {record.pk + 1}" in run(capsys, "--execute")


def test_what_others_hold_is_left_and_ends_with_4(capsys):
    ids = make_instances("storm", [1] * 3)
    with held_row(ids[0]):
        code, why = refused(capsys, *COMMAND, "--execute")
    assert (code, left()) == (bulk.PARTLY, 1)
    assert "1 were held by others" in why
    assert AuditRecord.objects.get().outcome == "partly"


def test_one_that_reaches_its_cap_ends_with_4_and_a_repeat_goes_on(capsys, settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"CLEANUP_BATCHES": 1}
    make_instances("storm", [1] * 3)
    code, why = refused(capsys, *COMMAND, "--execute", "--batch-size", "2")
    assert (code, left()) == (bulk.PARTLY, 1)
    assert "repeat the command" in why


def test_while_another_one_does_the_same_it_ends_with_5(capsys):
    make_instances("storm", [1])
    with held_elsewhere(COMMAND[0], FILTER):
        code, why = refused(capsys, *COMMAND, "--execute")
    assert (code, left()) == (bulk.LOCKED, 1)
    assert why.startswith("lock_held: ")


@pytest.mark.parametrize("size", ["0", "many", "-1", "50001"])
def test_a_batch_size_is_a_sensible_number(capsys, size):
    _, why = refused(capsys, *COMMAND, f"--batch-size={size}")
    assert "--batch-size" in why


def test_orgs_and_environments_are_named_by_slug(capsys):
    make_env("acme", "production")
    assert refused(capsys, *COMMAND, "--org", "nobody")[1].startswith("--org: there is no org 'nobody'")
    assert refused(capsys, *COMMAND, "--env", "production") == (1, "--env: name its org too, with --org")
    assert refused(capsys, *COMMAND, "--org", "acme", "--env", "x")[1] == "--env: acme has no environment 'x'"
    assert "0 instances" in run(capsys, "--org", "acme", "--env", "production")


def test_a_time_is_an_age_or_a_date():
    day_ago = datetime.now(UTC) - timedelta(days=1)
    assert abs(bulk.moment("24h") - day_ago) < timedelta(minutes=1)
    assert bulk.moment("2026-01-31T12:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    with pytest.raises(bulk.ArgumentTypeError, match="no age like 6h"):
        bulk.moment("yesterday")
    with pytest.raises(bulk.ArgumentTypeError, match="'9999999d' is no age"):
        bulk.moment("9999999d")


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_its_batch_and_a_repeat_goes_on(capsys, number):
    ids = make_instances("storm", [1] * 2_000)
    process = start("--execute", "--batch-size", "1", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    waiting.until(lambda: AuditRecord.objects.filter(count__gt=3).exists(), 60)
    process.send_signal(number)
    assert process.wait(60) == bulk.INTERRUPTED
    first = AuditRecord.objects.get()
    assert (first.outcome, first.count) == ("interrupted", 2_000 - left())
    assert 0 < left() < 2_000
    told = json.loads(run(capsys, "--execute", "--json"))
    assert told["done"] + first.count == 2_000
    assert all(dense(id_) and len(log_of(id_)) == 2 for id_ in ids[::50])


@pytest.mark.processes
def test_after_a_kill_a_repeat_goes_on_and_nothing_is_done_or_counted_twice(capsys):
    ids = make_instances("storm", [1] * 2_000)
    process = start("--execute", "--batch-size", "1", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    waiting.until(lambda: AuditRecord.objects.filter(count__gt=3).exists(), 60)
    process.kill()
    process.wait(60)
    # The server lets the lock go when it sees that the connection is gone.
    waiting.until(lambda: again(capsys))
    killed, *others = AuditRecord.objects.order_by("pk")
    assert killed.outcome == "interrupted"
    assert killed.count + sum(record.count for record in others) == 2_000
    assert (left(), others[-1].outcome) == (0, "done")
    assert all(dense(id_) and len(log_of(id_)) == 2 for id_ in ids[::50])


def again(capsys) -> bool:
    try:
        run(capsys, "--execute")
    except CommandError as error:
        if error.returncode == bulk.LOCKED:
            return False
        raise
    return True


@pytest.mark.processes
@pytest.mark.parametrize(("answer", "code"), [("3", 0), ("4", bulk.REFUSED)])
def test_on_a_terminal_it_asks_for_the_count(answer, code):
    make_instances("storm", [1] * 3)
    ours, theirs = pty.openpty()
    process = start("--execute", stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    told: list[str] = []
    reader = threading.Thread(target=lambda: told.append(process.stderr.read()))
    reader.start()
    os.write(ours, f"{answer}\n".encode())
    assert process.wait(60) == code
    reader.join(30)
    os.close(ours)
    process.stdout.close()
    process.stderr.close()
    assert "3 instances will be cancelled. Type that number to go on:" in told[0]
    assert left() == (0 if code == 0 else 3)
