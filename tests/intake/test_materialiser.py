"""From entries to instances: once each, and whose fault it is when not."""

import threading

import pytest
from django.db import connection, transaction

from mollifier.entry import Faulty, Materialised, Unavailable
from tests.intake.draining import entry_of
from tests.tenants import trigger
from workflows import engine
from workflows.intake.materialiser import InstanceMaterialiser
from workflows.models import Event, Instance
from workflows.states import Status

materialiser = InstanceMaterialiser()


def status_of(id_) -> str:
    return Instance.objects.get(id=id_).status


def refuse(sqlstate: str) -> None:
    """Let the database itself refuse every row of the definition `poison` with a state of our choice."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}'; END$$;
            CREATE TRIGGER refuse BEFORE INSERT ON workflows_instance FOR EACH ROW
            WHEN (NEW.definition = 'poison') EXECUTE FUNCTION refuse()"""
        )


@pytest.mark.django_db
def test_entries_become_instances_once_however_often_they_are_handed_over():
    entries = [entry_of(trigger()) for _ in range(5)]
    for _ in range(3):
        assert set(materialiser.materialise(entries)) == {Materialised(entry.id) for entry in entries}
    assert Instance.objects.filter(status=Status.PENDING).count() == Event.objects.count() == 5


@pytest.mark.django_db
def test_the_time_of_acceptance_survives():
    sent = trigger()
    materialiser.materialise([entry_of(sent)])
    assert Instance.objects.get(id=sent.id).accepted_at == sent.accepted_at


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "shown"), [("not wanted", "not wanted"), ("", "Cancelled while buffered")])
def test_a_cancelled_entry_becomes_a_cancelled_instance_that_never_ran(given, shown):
    sent = trigger(idempotency_key="k", tags=("t",))
    assert materialiser.materialise([entry_of(sent, cancel_reason=given)]) == [Materialised(sent.id)]
    row = Instance.objects.get(id=sent.id)
    assert (row.status, row.error_message, row.wake_at, row.tags) == (Status.CANCELLED, shown, None, ["t"])
    assert list(Event.objects.order_by("seq").values_list("type", flat=True)) == ["created", "cancelled"]


@pytest.mark.django_db
def test_a_cancellation_that_comes_after_the_row_cancels_the_row():
    sent = trigger()
    materialiser.materialise([entry_of(sent)])
    for _ in range(2):
        assert materialiser.materialise([entry_of(sent, cancel_reason="late")]) == [Materialised(sent.id)]
    assert status_of(sent.id) == Status.CANCELLED
    assert Event.objects.filter(type="cancelled").count() == 1


@pytest.mark.django_db
def test_a_key_that_another_instance_owns_makes_a_superseded_one():
    owner, loser = trigger(idempotency_key="k"), trigger(idempotency_key="k")
    engine.start(owner)
    for _ in range(2):
        assert materialiser.materialise([entry_of(loser)]) == [Materialised(loser.id)]
    row = Instance.objects.get(id=loser.id)
    assert (row.status, row.superseded_by, row.idempotency_key) == (Status.SUPERSEDED, owner.id, "k")
    assert status_of(owner.id) == Status.PENDING


@pytest.mark.django_db
def test_of_two_entries_with_one_key_in_a_batch_one_owns_it():
    twins = [trigger(idempotency_key="k") for _ in range(2)]
    assert len(materialiser.materialise([entry_of(each) for each in twins])) == 2
    assert sorted(Instance.objects.values_list("status", flat=True)) == [Status.PENDING, Status.SUPERSEDED]


@pytest.mark.django_db
def test_one_bad_entry_is_found_among_many_and_harms_no_other():
    good = [entry_of(trigger()) for _ in range(20)]
    bad = [entry_of(trigger(payload=b"{broken")), entry_of(trigger(tags=("nul\0",)))]
    outcomes = materialiser.materialise([*good[:7], bad[0], *good[7:], bad[1]])
    assert {outcome.id for outcome in outcomes if isinstance(outcome, Materialised)} == {each.id for each in good}
    assert {(outcome.id, outcome.final) for outcome in outcomes if isinstance(outcome, Faulty)} == {
        (each.id, True) for each in bad
    }
    assert Instance.objects.count() == 20


@pytest.mark.django_db
def test_what_can_not_be_read_is_final_only_when_no_process_could():
    damaged, future = entry_of(trigger(), snapshot=b"\x01broken"), entry_of(trigger(), snapshot=b"\x02later")
    outcomes = {outcome.id: outcome for outcome in materialiser.materialise([damaged, future])}
    assert outcomes[damaged.id].final
    assert not outcomes[future.id].final
    assert "snapshot_invalid" in outcomes[damaged.id].error


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sqlstate", "kind", "final"),
    [
        ("08006", Unavailable, None),
        ("40001", Unavailable, None),
        ("40P01", Unavailable, None),
        ("53100", Unavailable, None),
        ("53300", Unavailable, None),
        ("55P03", Unavailable, None),
        ("57P01", Unavailable, None),
        ("58030", Unavailable, None),
        ("25006", Unavailable, None),
        ("22023", Faulty, True),
        ("23514", Faulty, True),
        ("57014", Faulty, False),
        ("42P01", Faulty, False),
        ("XX000", Faulty, False),
        ("P0001", Faulty, False),
    ],
)
def test_what_the_database_says_decides(sqlstate, kind, final):
    refuse(sqlstate)
    poison = entry_of(trigger(definition="poison"))
    (outcome,) = materialiser.materialise([poison])
    assert isinstance(outcome, kind)
    assert getattr(outcome, "final", None) == final
    assert outcome.error
    assert Instance.objects.count() == 0


@pytest.mark.django_db
def test_an_unavailable_database_ends_the_search_at_once():
    refuse("53100")
    entries = [entry_of(trigger(definition="poison" if number == 3 else "greet")) for number in range(8)]
    assert {type(outcome) for outcome in materialiser.materialise(entries)} == {Unavailable}
    assert Instance.objects.count() == 0


@pytest.mark.django_db
def test_a_buried_entry_is_a_system_failure_that_keeps_all_it_carried():
    sent = trigger(idempotency_key="k", tags=("t",), metadata=b'{"m":1}', payload=b'{"p":1}')
    assert materialiser.bury([entry_of(sent, error="five attempts")]) == [Materialised(sent.id)]
    row = Instance.objects.get(id=sent.id)
    assert (row.status, row.error_code, row.error_message) == (
        Status.SYSTEM_FAILURE,
        "not_materialised",
        "five attempts",
    )
    assert (row.idempotency_key, row.tags, row.metadata) == ("k", ["t"], {"m": 1})
    assert Event.objects.get(seq=1).data == {"payload": {"p": 1}}


@pytest.mark.django_db
def test_burying_what_is_a_row_already_changes_nothing():
    sent = trigger()
    engine.start(sent)
    assert materialiser.bury([entry_of(sent, error="too late")]) == [Materialised(sent.id)]
    assert status_of(sent.id) == Status.PENDING


@pytest.mark.django_db(transaction=True)
def test_an_outage_costs_nothing_but_time(outage):
    entries = [entry_of(trigger()) for _ in range(3)]
    outage.begin()
    assert {type(outcome) for outcome in materialiser.materialise(entries)} == {Unavailable}
    assert {type(outcome) for outcome in materialiser.materialise(entries)} == {Unavailable}
    outage.end()
    assert {type(outcome) for outcome in materialiser.materialise(entries)} == {Materialised}
    assert Instance.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_ended_between_batches_is_made_again():
    materialiser.materialise([entry_of(trigger())])
    pid = connection.connection.info.backend_pid
    stranger = connection.copy()
    with stranger.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    stranger.close()
    again = entry_of(trigger())
    assert materialiser.materialise([again]) == [Materialised(again.id)]


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_locked_for_long_is_nobodys_fault():
    owner, waiter = trigger(idempotency_key="k"), trigger(idempotency_key="k")
    written, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            engine.start(owner)
            written.set()
            done.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert written.wait(10)
    try:
        assert isinstance(materialiser.materialise([entry_of(waiter)])[0], Unavailable)
    finally:
        done.set()
        holder.join()
    assert materialiser.materialise([entry_of(waiter)]) == [Materialised(waiter.id)]
    assert status_of(waiter.id) == Status.SUPERSEDED


@pytest.mark.django_db(transaction=True)
def test_several_threads_write_the_same_entries_once():
    entries = [entry_of(trigger(idempotency_key=f"k{number}")) for number in range(100)]
    orders = [entries, entries[::-1], entries[50:] + entries[:50]]
    outcomes: list = []

    def write(order):
        outcomes.extend(materialiser.materialise(order))
        connection.close()

    threads = [threading.Thread(target=write, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {type(outcome) for outcome in outcomes} == {Materialised}
    assert Instance.objects.filter(status=Status.PENDING).count() == Event.objects.count() == 100
