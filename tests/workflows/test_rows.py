"""The one builder: what the tables hold of each kind of draft."""

import msgspec
import pytest
from uuid_utils.compat import uuid7

from tests.tenants import trigger
from workflows import engine, rows
from workflows.models import Event, Instance, Outbox
from workflows.rows import Draft, Ending
from workflows.states import Status

pytestmark = pytest.mark.django_db

# What the database says of the moment of writing, which two writes can't share.
MOMENTS = {"created_at", "last_event_at", "wake_at", "finished_at"}


def columns_of(id_) -> dict:
    row = Instance.objects.values().get(id=id_)
    return {name: value for name, value in row.items() if name not in MOMENTS and name not in ("id", "root_id")}


def log_of(id_) -> list:
    return list(
        Event.objects.filter(instance_id=id_).order_by("seq").values_list("seq", "type", "correlation_id", "data")
    )


def test_a_drained_instance_does_not_differ_from_a_direct_one():
    event = {"event_type": "order.created", "event_key": "evt-1", "cause": uuid7(), "chain": ("a", "b")}
    one = trigger(tags=("a", "b"), metadata=b'{"z":1,"a":2}', depth=2, **event)
    other = trigger(tags=("a", "b"), metadata=b'{"z":1,"a":2}', depth=2, accepted_at=one.accepted_at, **event)
    engine.start(one)
    engine.start_many([Draft(other)])
    assert columns_of(one.id) == columns_of(other.id)
    assert log_of(one.id) == log_of(other.id)


def test_a_new_instance_is_pending_and_ready_with_one_event():
    sent = trigger(payload=b'{"b":1,"a":[2.50,"\xc3\xa9"]}')
    engine.start(sent)
    row = Instance.objects.get(id=sent.id)
    assert (row.status, row.last_seq, row.epoch, row.wake_at) == (Status.PENDING, 1, 0, row.created_at)
    assert log_of(sent.id) == [(1, "created", "", {"payload": {"b": 1, "a": [2.5, "é"]}})]
    assert row.log_bytes == len(b'{"payload":' + sent.payload + b"}")
    assert Outbox.objects.count() == 0


def test_an_instance_that_runs_later_is_ready_then():
    from datetime import timedelta

    from django.utils import timezone

    later = timezone.now() + timedelta(hours=1)
    sent = trigger(run_after=later)
    engine.start(sent)
    assert Instance.objects.get(id=sent.id).wake_at == later


@pytest.mark.parametrize(
    ("ending", "event", "data"),
    [
        (Ending(Status.CANCELLED, "cancelled", 'a "reason"'), "cancelled", {"reason": 'a "reason"'}),
        (
            Ending(Status.SYSTEM_FAILURE, "not_materialised", "why"),
            "failed",
            {"error": {"code": "not_materialised", "message": "why"}},
        ),
    ],
)
def test_an_instance_born_finished_keeps_its_payload_and_tells_the_outbox(ending, event, data):
    sent = trigger(tags=("kept",), idempotency_key="kept")
    engine.start_many([Draft(sent, ending)])
    row = Instance.objects.get(id=sent.id)
    assert (row.status, row.error_code, row.error_message) == (ending.status, ending.code, ending.message)
    assert (row.tags, row.idempotency_key, row.wake_at, row.finished_at) == (["kept"], "kept", None, row.created_at)
    assert log_of(sent.id) == [(1, "created", "", {"payload": {"name": "Ada"}}), (2, event, "end", data)]
    assert row.last_seq == 2
    told = Outbox.objects.get()
    assert (told.type, told.key) == ("workflow.instance_terminal", f"{sent.id}:end")
    assert told.payload == {"instance_id": str(sent.id), "definition": "greet", "status": ending.status.value}


def test_a_superseded_instance_points_at_its_owner_and_has_no_ending_event():
    owner, sent = trigger(idempotency_key="k"), trigger(idempotency_key="k")
    engine.start(owner)
    engine.start_many([Draft(sent, Ending(Status.SUPERSEDED, "superseded", "taken", superseded_by=owner.id))])
    row = Instance.objects.get(id=sent.id)
    assert (row.status, row.superseded_by, row.last_seq) == (Status.SUPERSEDED, owner.id, 1)
    assert row.finished_at is not None
    assert Outbox.objects.count() == 0


def test_every_column_of_the_table_is_set_or_has_a_null_or_a_default():
    listed = rows.WRITE.split("INSERT INTO workflows_instance (")[1].split(")")[0]
    written = {name.strip() for name in listed.split(",")}
    needed = [field for field in Instance._meta.concrete_fields if not field.null and not field.has_db_default()]
    assert {field.column for field in needed} <= written


def test_the_database_reads_every_field_of_a_row_under_its_name():
    read = [column.split()[0] for column in rows.COLUMNS.split(",")]
    assert read == [field.name for field in msgspec.structs.fields(rows.Row)]
