import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.workflows.making import dense, held_row, log_of, make_instance, make_instances
from workflows import eventlog
from workflows.fence import (
    END,
    AlreadyFinished,
    Append,
    Appended,
    Busy,
    Change,
    Conflict,
    Failure,
    Faulty,
    Fence,
    LogFull,
    LostOwnership,
    Missing,
    NewEvent,
)
from workflows.models import Event, Instance, Outbox
from workflows.states import EventType, Status

pytestmark = pytest.mark.django_db(transaction=True)


def fact(name="step:a:1", data='{"result": 1}'):
    return NewEvent(EventType.STEP_COMPLETED, name, data)


def finish(data='{"output": null}', status=Status.COMPLETED):
    return (NewEvent(EventType.COMPLETED, END, data),), Change(status)


def in_threads(count, call):
    """Call with 0 .. count - 1 at the same moment, each in a thread with its own connection."""
    barrier = threading.Barrier(count)

    def run(number):
        try:
            connection.ensure_connection()
            barrier.wait()
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_events_get_the_next_numbers_and_the_row_follows():
    instance = make_instance()

    outcome = eventlog.append(Append(instance, (fact("step:a:1"), fact("step:b:1"))))

    assert isinstance(outcome, Appended)
    assert outcome.base == 1
    assert log_of(instance) == [
        (1, "created", ""),
        (2, "step_completed", "step:a:1"),
        (3, "step_completed", "step:b:1"),
    ]
    row = Instance.objects.get(id=instance)
    assert (row.last_seq, row.last_event_at, row.status) == (3, outcome.at, Status.PENDING)
    assert row.wake_at is not None
    assert row.log_bytes == 2 * len('{"result": 1}')


def test_of_8_deciders_at_one_tail_exactly_1_appends():
    for _ in range(20):
        instance = make_instance()
        fence = Fence(tail=1)
        outcomes = in_threads(8, lambda n, i=instance, f=fence: eventlog.append(Append(i, (fact(f"step:s:{n}"),), f)))
        assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
        assert sum(outcome == Conflict(2) for outcome in outcomes) == 7
        assert dense(instance)


def test_of_8_grouped_deciders_at_one_tail_exactly_1_appends():
    for _ in range(20):
        instance = make_instance()
        request = Append(instance, (fact(),), Fence(tail=1))
        outcomes = [outcome for (outcome,) in in_threads(8, lambda _n, r=request: eventlog.append_group([r]))]
        assert sum(isinstance(outcome, Appended) for outcome in outcomes) == 1
        assert all(isinstance(outcome, (Appended, Conflict, Busy)) for outcome in outcomes)
        assert dense(instance)


def test_a_refused_write_allocates_nothing():
    instance = make_instance(epoch=3)
    before = Instance.objects.values().get(id=instance)
    change = Change(Status.WAITING, timezone.now())

    assert eventlog.append(Append(instance, (fact(),), Fence(tail=7), change)) == Conflict(1)
    assert eventlog.append(Append(instance, (fact(),), Fence(epoch=2), change)) == LostOwnership(3)

    assert Instance.objects.values().get(id=instance) == before
    assert len(log_of(instance)) == 1


def test_a_dead_epoch_is_refused_even_at_the_right_tail():
    instance = make_instance(epoch=5)
    assert eventlog.append(Append(instance, (fact(),), Fence(tail=1, epoch=4))) == LostOwnership(5)
    assert isinstance(eventlog.append(Append(instance, (fact(),), Fence(tail=1, epoch=5))), Appended)


def test_writers_without_a_fence_always_land_and_the_sequence_stays_dense():
    instances = make_instances("noop", [None] * 5)

    def write(number):
        landed = 0
        for turn in range(25):
            waiting = [Append(i, (fact(f"step:{number}:{turn}"),)) for i in instances]
            while waiting:
                outcomes = eventlog.append_group(waiting)
                landed += sum(isinstance(outcome, Appended) for outcome in outcomes)
                waiting = [r for r, outcome in zip(waiting, outcomes, strict=True) if outcome == Busy()]
        return landed

    assert in_threads(6, write) == [125] * 6
    assert all(dense(instance) for instance in instances)
    assert {len(log_of(instance)) for instance in instances} == {151}


def test_commit_order_is_sequence_order():
    instance = make_instance()
    in_threads(4, lambda n: [eventlog.append(Append(instance, (fact(f"step:{n}:{t}"),))) for t in range(20)])
    times = list(Event.objects.filter(instance_id=instance).order_by("seq").values_list("at", flat=True))
    assert times == sorted(times)


def test_time_never_runs_backwards_in_a_log():
    ahead = timezone.now() + timedelta(hours=1)
    instance = make_instance(last_event_at=ahead)
    outcome = eventlog.append(Append(instance, (fact(),)))
    assert isinstance(outcome, Appended)
    assert outcome.at == ahead


def test_refusing_one_of_a_group_refuses_no_other():
    good, stale, done, gone = make_instances("noop", [None] * 4)
    Instance.objects.filter(id=gone).delete()
    events, change = finish()
    eventlog.append(Append(done, events, change=change))

    outcomes = eventlog.append_group(
        [
            Append(stale, (fact(),), Fence(tail=9)),
            Append(gone, (fact(),)),
            Append(done, (fact(),)),
            Append(good, (fact(),)),
        ]
    )

    assert outcomes[:3] == [Conflict(1), Busy(), AlreadyFinished(Status.COMPLETED)]
    assert isinstance(outcomes[3], Appended)
    assert eventlog.append(Append(gone, (fact(),))) == Missing()


def test_a_row_that_someone_holds_is_busy_in_a_group_and_waited_for_alone():
    instance, other = make_instances("noop", [None] * 2)
    with held_row(instance) as release:
        outcomes = eventlog.append_group([Append(instance, (fact(),)), Append(other, (fact(),))])
        assert outcomes[0] == Busy()
        assert isinstance(outcomes[1], Appended)
        threading.Timer(0.05, release.set).start()
        assert isinstance(eventlog.append(Append(instance, (fact(),))), Appended)


def test_a_group_that_errors_on_data_is_bisected_and_the_one_at_fault_fails_alone():
    instances = make_instances("noop", [None] * 5)
    requests = [Append(i, (fact(data="{nonsense" if n == 3 else "{}"),)) for n, i in enumerate(instances)]

    outcomes = eventlog.append_group(requests)

    assert isinstance(outcomes[3], Faulty)
    assert [type(outcome) for n, outcome in enumerate(outcomes) if n != 3] == [Appended] * 4
    assert [len(log_of(i)) for i in instances] == [2, 2, 2, 1, 2]


def test_an_instance_twice_in_a_group_is_an_error():
    instance = make_instance()
    with pytest.raises(ValueError, match="once"):
        eventlog.append_group([Append(instance, (fact(),))] * 2)


def test_finishing_is_one_write_with_its_outbox_row_and_happens_once():
    instance = make_instance("noop", epoch=1, status=Status.RUNNING)
    events, change = finish()

    assert isinstance(eventlog.append(Append(instance, events, Fence(1, 1), change)), Appended)
    assert eventlog.append(Append(instance, events, Fence(epoch=1), change)) == AlreadyFinished(Status.COMPLETED)

    row = Instance.objects.get(id=instance)
    assert (row.status, row.wake_at, row.finished_at) == (Status.COMPLETED, None, row.last_event_at)
    told = Outbox.objects.get(instance_id=instance)
    assert (told.type, told.key, told.org_id) == ("workflow.instance_terminal", f"{instance}:end", row.org_id)
    assert told.payload == {"instance_id": str(instance), "definition": "noop", "status": "completed"}


def test_a_failure_is_kept_with_text_the_table_can_hold():
    instance = make_instance()
    nasty = Failure("broken", "a\x00b\x1fc\ud800" + "x" * 5000)
    event = NewEvent(EventType.FAILED, END)
    assert isinstance(
        eventlog.append(Append(instance, (event,), change=Change(Status.FAILED, failure=nasty))), Appended
    )
    row = Instance.objects.get(id=instance)
    assert (row.error_code, row.error_message[:6], len(row.error_message)) == ("broken", "a\ufffdb\ufffdc?", 2000)


def test_suspending_sets_when_it_is_ready_and_plain_facts_leave_that_alone():
    instance = make_instance()
    due = timezone.now() + timedelta(seconds=5)
    eventlog.append(Append(instance, (), change=Change(Status.WAITING, due)))
    eventlog.append(Append(instance, (fact(),)))
    row = Instance.objects.get(id=instance)
    assert (row.status, row.wake_at, row.last_seq) == (Status.WAITING, due, 2)


@pytest.mark.parametrize("cap", ["MAX_EVENTS", "MAX_LOG_BYTES"])
def test_a_full_log_takes_nothing_but_its_end(settings, cap):
    settings.WORKFLOWS = {cap: 2}
    instance = make_instance()
    assert eventlog.append(Append(instance, (fact(), fact("step:b:1")))) == LogFull()
    events, change = finish(status=Status.FAILED)
    eventlog.append(Append(instance, (fact("step:c:1", "{}"),)))
    assert isinstance(eventlog.append(Append(instance, events, change=change)), Appended)


def updates_so_far():
    """Return how many updates instances have had, and how many of them were heap-only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'workflows_instance'")
        return cursor.fetchone()


def test_a_plain_append_changes_no_indexed_column():
    instance = make_instance(wake_at=None)
    updates, hot = updates_so_far()
    for number in range(20):
        eventlog.append(Append(instance, (fact(f"step:a:{number}"),)))
    updates_after, hot_after = updates_so_far()
    assert updates_after - updates == 20
    assert hot_after - hot >= 18


def test_a_log_is_read_in_order_from_a_cursor():
    first, second = make_instances("noop", [1, 2])
    for instance in (first, second):
        eventlog.append(Append(instance, tuple(fact(f"step:a:{n}", f'{{"result": {n}}}') for n in range(4))))

    assert [event.seq for event in eventlog.read(first)] == [1, 2, 3, 4, 5]
    assert [event.seq for event in eventlog.read(first, after=2, limit=2)] == [3, 4]
    assert eventlog.read(first, after=4)[0].value() == {"result": 3}
    logs = eventlog.read_many({first: 4, second: 0})
    assert [event.seq for event in logs[first]] == [5]
    assert logs[second][0].data == '{"payload":2}'


@pytest.mark.parametrize("name", ["a\x1fb", "a\0b", "\ud800"])
def test_a_value_that_can_not_be_sent_is_faulty_and_leaves_the_rest_of_the_group_right(name):
    instances = make_instances("noop", [None] * 4)
    outcomes = eventlog.append_group(
        [Append(instance, (fact(name if number == 1 else "step:a:1"),)) for number, instance in enumerate(instances)]
    )
    assert [isinstance(outcome, Faulty) for outcome in outcomes] == [False, True, False, False]
    assert [log_of(instance)[1:] for instance in instances] == [
        [] if number == 1 else [(2, "step_completed", "step:a:1")] for number in range(4)
    ]


def test_json_nested_too_deep_for_the_server_is_faulty_and_no_outage_to_be_waited_out():
    instances = make_instances("noop", [None] * 3)
    deep = fact(data='{"result": ' + "[" * 100_000 + "]" * 100_000 + "}")
    outcomes = eventlog.append_group([Append(instances[0], (deep,)), *(Append(i, (fact(),)) for i in instances[1:])])
    assert [isinstance(outcome, Faulty) for outcome in outcomes] == [True, False, False]


def test_a_statement_is_planned_once_a_connection():
    (instance,) = make_instances("noop", [None])
    for number in range(20):
        eventlog.append(Append(instance, (fact(f"step:a:{number}"),)))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(generic_plans) FROM pg_prepared_statements WHERE statement LIKE '%%workflows_event%%'"
        )
        ((reused,),) = cursor.fetchall()
    assert reused > 0
