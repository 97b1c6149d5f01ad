"""Starting and cancelling: what is written, once, and what is answered."""

import threading

import pytest
from django.db import DataError, connection, transaction

from tests.exchanges import traced
from tests.tenants import trigger
from workflows import engine, eventlog
from workflows.engine import (
    AlreadyFinished,
    Cancelled,
    ExistingInstance,
    FenceConflict,
    NotFound,
    StartContended,
    Started,
)
from workflows.models import Event, Instance, Outbox
from workflows.rows import Draft
from workflows.states import Status


def in_thread(work):
    """Run work in a thread with its own connection, and return its result when joined."""
    result = []

    def run():
        try:
            result.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()

    def joined():
        thread.join(10)
        return result[0]

    return joined


@pytest.mark.django_db(transaction=True)
def test_a_start_is_one_statement_and_one_hint():
    for _ in range(2):
        engine.start(trigger())
    with traced() as sent:
        engine.start(trigger())
    assert len([each for each in sent if each.startswith("Execute")]) == 1
    assert all("pg_notify" in each for each in sent if each.startswith("Query"))


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_one_statement_in_one_transaction():
    for _ in range(2):
        engine.start_many([Draft(trigger())])
    with traced() as sent:
        engine.start_many([Draft(trigger()) for _ in range(100)])
    assert [each for each in sent if "pg_notify" not in each] == ['Query "BEGIN"', 'Execute "" 0', 'Query "COMMIT"']


@pytest.mark.django_db
def test_the_same_id_twice_is_one_instance():
    sent = trigger()
    engine.start(sent)
    assert engine.start(sent) == ExistingInstance(sent.id, by_key=False)
    assert Instance.objects.count() == Event.objects.count() == 1


@pytest.mark.django_db
def test_a_key_belongs_to_its_first_instance():
    first, second = trigger(idempotency_key="k"), trigger(idempotency_key="k")
    engine.start(first)
    assert engine.start(second) == ExistingInstance(first.id, by_key=True)


@pytest.mark.django_db
def test_a_key_is_its_environments_and_its_definitions_own():
    first = trigger(idempotency_key="k")
    others = [
        trigger(idempotency_key="k", definition="other"),
        trigger(idempotency_key="k", env_id=first.id),
    ]
    engine.start(first)
    assert [engine.start(each) for each in others] == [Started(each.id) for each in others]


@pytest.mark.django_db
def test_a_batch_answers_in_its_order_and_tells_the_missing_apart():
    there, owner = trigger(), trigger(idempotency_key="k")
    engine.start(there)
    engine.start(owner)
    new, loser, twin, other_twin = (
        trigger(),
        trigger(idempotency_key="k"),
        trigger(idempotency_key="t"),
        trigger(idempotency_key="t"),
    )
    assert engine.start_many([Draft(each) for each in (new, there, loser, twin, other_twin)]) == [
        Started(new.id),
        ExistingInstance(there.id, by_key=False),
        ExistingInstance(owner.id, by_key=True),
        Started(twin.id),
        ExistingInstance(twin.id, by_key=True),
    ]
    assert Event.objects.filter(instance_id=loser.id).count() == 0


@pytest.mark.django_db
def test_an_empty_batch_asks_nothing():
    with traced() as sent:
        assert engine.start_many([]) == []
    assert sent == []


@pytest.mark.django_db
def test_a_payload_is_kept_as_it_was_sent():
    sent = [
        b'{ "z" : 1, "a":[1.50, 1e400, "\\u0000\\ud800"],  "z":2 }',
        '"\u00e9\u2028"'.encode(),
        b"null",
        b"12345678901234567890",
    ]
    drafts = [Draft(trigger(payload=payload, metadata=b'{"b" :1}')) for payload in sent]
    engine.start_many(drafts)
    logs = [eventlog.read(draft.trigger.id)[0].data for draft in drafts]
    assert logs == [f'{{"payload":{payload.decode()}}}' for payload in sent]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("payload", [b'1},{"id":2', b"", b"{broken", b"\xff", b'1}, "tags":{"a":2'])
def test_what_is_not_json_is_no_payload(payload):
    with pytest.raises((DataError, UnicodeError)):
        engine.start(trigger(payload=payload))
    assert Instance.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_fails_leaves_nothing():
    good, bad = trigger(), trigger(payload=b"{broken")
    with pytest.raises(DataError):
        engine.start_many([Draft(good), Draft(bad)])
    assert Instance.objects.count() == Event.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_start_waits_for_the_uncommitted_owner_of_its_key():
    first, second = trigger(idempotency_key="k"), trigger(idempotency_key="k")
    with transaction.atomic():
        engine.start(first)
        joined = in_thread(lambda: engine.start(second))
    assert joined() == ExistingInstance(first.id, by_key=True)


@pytest.mark.django_db(transaction=True)
def test_batches_with_the_same_keys_in_other_orders_do_not_deadlock():
    keys = [f"k{number}" for number in range(200)]

    def start_all(names):
        return lambda: engine.start_many([Draft(trigger(idempotency_key=name)) for name in names])

    runs = [in_thread(start_all(names)) for names in (keys, keys[::-1], keys, keys[::-1])]
    outcomes = [outcome for run in runs for outcome in run()]
    assert sum(isinstance(outcome, Started) for outcome in outcomes) == 200
    assert Instance.objects.count() == 200


@pytest.mark.django_db
def test_what_is_neither_written_nor_there_is_contended():
    with connection.cursor() as cursor:
        cursor.execute(
            """CREATE FUNCTION vanish() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
            CREATE TRIGGER vanish BEFORE INSERT ON workflows_instance FOR EACH ROW EXECUTE FUNCTION vanish()"""
        )
    with pytest.raises(StartContended):
        engine.start(trigger())
    with pytest.raises(StartContended), transaction.atomic():
        engine.start_many([Draft(trigger())])


@pytest.mark.django_db
def test_cancel_ends_an_instance_with_its_reason():
    sent = trigger()
    engine.start(sent)
    assert engine.cancel(sent.id, "no longer wanted", actor="ada") == Cancelled(2)
    row = Instance.objects.get(id=sent.id)
    assert (row.status, row.error_code, row.error_message) == (Status.CANCELLED, "cancelled", "no longer wanted")
    assert row.wake_at is None
    assert row.finished_at is not None
    assert eventlog.read(sent.id)[-1].value() == {"reason": "no longer wanted", "actor": "ada"}
    assert Outbox.objects.get().key == f"{sent.id}:end"


@pytest.mark.django_db
def test_cancelling_twice_says_it_is_finished():
    sent = trigger()
    engine.start(sent)
    engine.cancel(sent.id, "once", actor="ada")
    assert engine.cancel(sent.id, "twice", actor="ada") == AlreadyFinished(Status.CANCELLED)


@pytest.mark.django_db
def test_a_stale_fence_is_refused_with_both_numbers():
    sent = trigger()
    engine.start(sent)
    assert engine.cancel(sent.id, "late", actor="ada", expected_seq=7) == FenceConflict(expected=7, current=1)
    assert engine.cancel(sent.id, "now", actor="ada", expected_seq=1) == Cancelled(2)


@pytest.mark.django_db
def test_what_is_not_there_can_not_be_cancelled():
    assert engine.cancel(trigger().id, "why", actor="ada") == NotFound()
