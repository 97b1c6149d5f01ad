"""The storms command."""

import json
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.bound import bind
from tests.intake.test_suppressed import end_all, storm_of
from tests.tenants import make_env
from workflows.cleanup import locks
from workflows.models import AuditRecord, Instance, Storm

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def storm(transactional_db) -> Storm:
    env = make_env("acme", "production")
    bind(limit=4)
    return storm_of(env)


def told(capsys, *arguments) -> dict:
    call_command("storms", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_open_storms_are_listed_and_closed_ones_when_asked(capsys, storm):
    (shown,) = told(capsys, "list")["storms"]
    assert (shown["id"], shown["event"], shown["suppressed"], shown["peak"]) == (storm.pk, "order.created", 3, 4)
    closed = told(capsys, "close", str(storm.pk), "--reason", "mended")
    assert (closed["open"], closed["closed_by"].startswith("command: ")) == (False, True)
    assert told(capsys, "list") == {"storms": []}
    assert len(told(capsys, "list", "--all")["storms"]) == 1
    call_command("storms", "list", "--all")
    assert "acme/production  order.created -> greet  closed by command: " in capsys.readouterr().out


def test_a_replay_is_a_dry_run_unless_told_to_execute(capsys, storm):
    end_all()
    assert told(capsys, "replay", str(storm.pk), "--limit", "2")["count"] == 2
    assert Instance.objects.filter(finished_at=None).count() == 0
    done = told(capsys, "replay", str(storm.pk), "--rate", "1000", "--execute", "--reason", "mended")
    assert (done["started"], done["left"], done["executed"]) == (3, 0, True)
    record = AuditRecord.objects.get(id=done["audit"])
    assert (record.verb, record.count, record.outcome) == ("replay_storm", 3, "done")


def test_one_that_is_held_up_says_so_and_exits_4(capsys, storm):
    with pytest.raises(CommandError, match=r"held up: .* the limit is 4") as caught:
        call_command("storms", "replay", str(storm.pk), "--execute", "--reason", "too early")
    assert caught.value.returncode == 4
    assert AuditRecord.objects.get().outcome == "partly"


def test_while_another_replays_it_exits_5(storm):
    number = locks.number_of("replay_storm", {"storm": storm.pk})
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        held.set()
        release.wait(30)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    held.wait(30)
    try:
        with pytest.raises(CommandError) as caught:
            call_command("storms", "replay", str(storm.pk), "--execute", "--reason", "me too")
    finally:
        release.set()
        other.join()
    assert caught.value.returncode == 5


@pytest.mark.parametrize("arguments", [("close", "999", "--reason", "x"), ("replay", "999")])
def test_what_can_not_be_done_is_refused(storm, arguments):
    with pytest.raises(CommandError) as caught:
        call_command("storms", *arguments)
    assert caught.value.returncode == 1
    assert Storm.objects.get().closed_at is None


def test_the_audit_says_which_command_it_was_where_nobody_said_why(capsys, storm):
    end_all()
    told(capsys, "close", str(storm.pk), "--reason", " ")
    told(capsys, "replay", str(storm.pk), "--rate", "1000", "--execute")
    reasons = AuditRecord.objects.order_by("id").values_list("reason", flat=True)
    assert list(reasons) == ["Closed by storms close", "Replayed by storms replay"]


@pytest.mark.parametrize("wrong", [("--rate", "0"), ("--rate", "many"), ("--limit", "0")])
def test_what_is_no_number_is_refused(storm, wrong):
    with pytest.raises(CommandError):
        call_command("storms", "replay", str(storm.pk), *wrong)
