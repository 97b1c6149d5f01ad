"""What became of the accepted ids, judged from real rows."""

import threading
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests.workflows.making import make_instance, make_instances
from workflows.load import verdict
from workflows.load.tally import Acceptance, Tally
from workflows.models import Event, Instance
from workflows.states import EventType, Status

RUN = "burst-ada"


def finish(instance_id: UUID, status: Status = Status.COMPLETED) -> UUID:
    Instance.objects.filter(id=instance_id).update(status=status, finished_at=timezone.now())
    Event.objects.create(
        instance_id=instance_id, seq=2, type=status.value, correlation_id="", data={}, at=timezone.now()
    )
    return instance_id


def tally_of(*ids: UUID, as_: Acceptance = Acceptance.STARTED) -> Tally:
    return Tally(accepted=dict.fromkeys(ids, as_))


@pytest.mark.django_db
def test_completed_ids_are_sound() -> None:
    ids = [finish(each) for each in make_instances("noop", [None] * 3, tags=[RUN])]
    found = verdict.judge(tally_of(*ids), RUN)
    assert found.sound
    assert found.completed == 3
    assert found.finished_at is not None


@pytest.mark.django_db
def test_an_id_without_a_row_is_lost() -> None:
    found = verdict.judge(tally_of(uuid7(), finish(make_instance())), RUN)
    assert (found.lost, found.completed, found.sound) == (1, 1, False)


@pytest.mark.django_db
def test_an_id_that_failed_or_has_not_ended_is_told_apart() -> None:
    found = verdict.judge(tally_of(finish(make_instance(), Status.FAILED), make_instance()), RUN)
    assert (found.failed, found.unfinished, found.sound) == (1, 1, False)
    assert found.statuses == {"failed": 1, "pending": 1}


@pytest.mark.django_db
def test_a_superseded_row_is_a_duplicate() -> None:
    owner = finish(make_instance())
    late = make_instance(status=Status.SUPERSEDED, superseded_by=owner, finished_at=timezone.now(), wake_at=None)
    found = verdict.judge(tally_of(owner, late), RUN)
    assert (found.completed, found.duplicates, found.sound) == (1, 1, False)


@pytest.mark.django_db
def test_a_log_that_ends_twice_is_a_duplicate() -> None:
    twice = finish(make_instance())
    Event.objects.create(
        instance_id=twice, seq=3, type=EventType.COMPLETED, correlation_id="", data={}, at=timezone.now()
    )
    assert verdict.judge(tally_of(twice), RUN).duplicates == 1


@pytest.mark.django_db
def test_a_row_of_the_run_that_no_answer_named_is_a_duplicate() -> None:
    named = finish(make_instance(tags=[RUN]))
    finish(make_instance(tags=[RUN]))
    finish(make_instance(tags=["burst-grace"]))
    found = verdict.judge(tally_of(named), RUN)
    assert (found.completed, found.duplicates) == (1, 1)


@pytest.mark.django_db
def test_buffered_ids_with_a_row_are_drained() -> None:
    ids = [finish(each) for each in make_instances("noop", [None] * 2)]
    found = verdict.judge(tally_of(*ids, uuid7(), as_=Acceptance.BUFFERED), RUN)
    assert (found.drained, found.lost) == (2, 1)
    assert found.drained_at == max(Instance.objects.values_list("created_at", flat=True))


@pytest.mark.django_db
def test_reading_is_in_pieces(django_assert_num_queries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "CHUNK", 4)
    ids = [finish(each) for each in make_instances("noop", [None] * 10)]
    with django_assert_num_queries(3 * 2 + 1):
        assert verdict.judge(tally_of(*ids), RUN).completed == 10


@pytest.mark.django_db
def test_nothing_is_sound_at_once() -> None:
    verdict.wait([], patience_seconds=60, on_finished=lambda _: None)
    assert verdict.judge(Tally(), RUN).sound


@pytest.mark.django_db
def test_waiting_gives_up_when_nothing_ends() -> None:
    ended: list[int] = []
    verdict.wait([finish(make_instance()), make_instance()], patience_seconds=0.3, on_finished=ended.append)
    assert ended == [1]


@pytest.mark.django_db(transaction=True)
def test_waiting_sees_what_ends_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "CHUNK", 3)
    ids = make_instances("noop", [None] * 8)

    def finish_all() -> None:
        for each in ids:
            finish(each)
        connection.close()

    thread = threading.Thread(target=finish_all)
    thread.start()
    ended: list[int] = []
    verdict.wait(ids, patience_seconds=30, on_finished=ended.append)
    thread.join()
    assert sum(ended) == 8


@pytest.mark.django_db(transaction=True)
def test_a_lost_connection_is_waited_out() -> None:
    (instance,) = make_instances("noop", [None], tags=[RUN])
    finish(instance)
    stranger = connection.copy()
    with stranger.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    stranger.close()
    told: list[int] = []
    verdict.wait([instance], patience_seconds=10, on_finished=told.append)
    assert told == [1]
