"""What is copied is what the statement would have written, whatever the texts hold."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import DataError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from tests.tenants import trigger
from workflows import copying, engine, eventlog, faults, rows
from workflows.faults import Fault
from workflows.models import Instance
from workflows.rows import Draft

pytestmark = pytest.mark.django_db
# Everything that text can hold in PostgreSQL, with what COPY and arrays give a meaning to drawn often.
texts = st.text(
    st.sampled_from('\\\t\n\r"{},N. é\x1f\x08') | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=20,
)
values = st.recursive(texts | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)
MOMENTS = {"created_at", "last_event_at", "wake_at"}


def kept(id_) -> tuple[dict, str]:
    row = Instance.objects.values().get(id=id_)
    return {name: value for name, value in row.items() if name not in MOMENTS}, eventlog.read(id_)[0].data


@given(
    tags=st.lists(texts, max_size=3),
    key=texts,
    definition=texts,
    payload=values,
    metadata=texts,
    event=st.none() | texts,
    chain=st.lists(texts, max_size=3),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_copied_and_written_rows_are_the_same(tags, key, definition, payload, metadata, event, chain):
    sent = trigger(
        tags=tuple(tags),
        idempotency_key=key,
        definition=definition,
        payload=msgspec.json.encode(payload),
        metadata=msgspec.json.encode({"m": metadata}),
        parent_id=uuid7(),
        event_type=event,
        event_key=event,
        cause=uuid7() if event else None,
        chain=tuple(chain),
    )
    found = []
    for write in (engine.start_unseen, engine.start_many):
        with transaction.atomic():
            write([Draft(sent)])
            found.append(kept(sent.id))
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert found[0][0]["tags"] == tags


@pytest.mark.parametrize("payload", [b'{ "a" :\n\t1.50,\r\n "b": "\\\\n\\u0000" }', b'"\\\\N"', b'"\\\\."', b"null"])
def test_a_payload_is_kept_byte_for_byte(payload):
    sent = trigger(payload=payload)
    engine.start_unseen([Draft(sent)])
    assert eventlog.read(sent.id)[0].data == f'{{"payload":{payload.decode()}}}'


def test_a_row_is_ready_now_or_when_it_is_to_run():
    now = timezone.now()
    moments = [None, now - timedelta(days=1), now + timedelta(days=1)]
    made = [trigger(run_after=moment) for moment in moments]
    copying.copy([rows.build(Draft(each)) for each in made], now)
    assert [Instance.objects.get(id=each.id).wake_at for each in made] == [now, now, moments[2]]
    assert Instance.objects.get(id=made[0].id).created_at == now


def test_a_taken_id_or_key_is_told_from_every_other_refusal():
    there = trigger(idempotency_key="k")
    engine.start(there)
    for clash in (there, trigger(idempotency_key="k")):
        with pytest.raises(engine.Taken), transaction.atomic():
            engine.start_unseen([Draft(trigger()), Draft(clash)])
    with pytest.raises(DataError), transaction.atomic():
        engine.start_unseen([Draft(trigger(payload=b"{broken"))])
    assert Instance.objects.count() == 1


@pytest.mark.parametrize("beyond", [{"version": 2**31}, {"shard": -(2**15) - 1}, {"depth": 2**15}])
def test_a_number_beyond_its_column_is_refused_as_the_database_would(beyond):
    sent = trigger(**beyond)
    for write in (engine.start_unseen, engine.start_many):
        with pytest.raises(DataError) as refused, transaction.atomic():
            write([Draft(sent)])
        assert faults.classify(refused.value) is Fault.INVALID


def test_both_ways_put_rows_in_by_one_order_whatever_order_they_came_in():
    keys = ["b", "B", "a", "é", "z", "_", "", None, None, None]
    made = [Draft(trigger(definition=name, idempotency_key=key)) for key in keys for name in "aB"]
    found = []
    for write, drafts in ((engine.start_unseen, made), (engine.start_many, made[::-1])):
        with transaction.atomic():
            # An empty file is filled from its begin to its end.
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE workflows_instance CASCADE")
            write(drafts)
            found.append(eventlog.execute("SELECT id FROM workflows_instance ORDER BY ctid", ()))
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert len(found[0]) == len(made)


def test_moments_are_told_to_the_microsecond():
    sent = trigger(accepted_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    engine.start_unseen([Draft(sent)])
    assert Instance.objects.get(id=sent.id).accepted_at == sent.accepted_at
