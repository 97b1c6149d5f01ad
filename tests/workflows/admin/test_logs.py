"""Parts of a log, bounded."""

import pytest
from django.utils import timezone

from tests.workflows.making import make_instance
from workflows import eventlog
from workflows.admin import logs
from workflows.models import Event

pytestmark = pytest.mark.django_db


def filled(last: int, **data) -> object:
    """Make a log of so many events."""
    id_ = make_instance(last_seq=last)
    now = timezone.now()
    Event.objects.bulk_create(
        Event(instance_id=id_, seq=seq, type="step_completed", correlation_id=f"step:a:{seq}", data=data, at=now)
        for seq in range(2, last + 1)
    )
    return id_


def numbers(window) -> list[tuple[int, int, int]]:
    return [(part[0].seq, part[-1].seq, len(part)) for part in window.segments if part]


def test_a_short_log_is_drawn_whole() -> None:
    window = logs.window(filled(300), 300, None)
    assert numbers(window) == [(1, 300, 300)]
    assert (window.hidden, window.earlier, window.later) == (None, None, None)


def test_of_a_log_of_ten_thousand_events_both_ends_are_drawn() -> None:
    window = logs.window(filled(10_000), 10_000, None)
    assert numbers(window) == [(1, 150, 150), (9_851, 10_000, 150)]
    assert window.hidden == (151, 9_850)


def test_the_middle_is_drawn_from_a_number_on_with_ways_back_and_forth() -> None:
    id_ = filled(1_000)
    window = logs.window(id_, 1_000, 400)
    assert (numbers(window), window.earlier, window.later, window.shown) == ([(400, 699, 300)], 100, 700, (400, 699))
    first, last = logs.window(id_, 1_000, 1), logs.window(id_, 1_000, 5_000)
    assert (first.earlier, first.later) == (None, 301)
    assert (numbers(last), last.later) == ([(1_000, 1_000, 1)], None)


def test_results_are_not_read_to_be_drawn() -> None:
    window = logs.window(filled(3, result="x" * 1_000), 3, None)
    assert {event.data for event in window.segments[0]} == {"{}"}


def test_the_log_is_listed_in_pages_without_what_is_too_long() -> None:
    id_ = filled(150, result="x" * 70_000)
    first = logs.page(id_, 0)
    assert [len(first), first[0].seq, first[-1].seq] == [100, 1, 100]
    assert (first[0].data, first[1].data) == ('{"payload":null}', None)
    assert first[1].size > 70_000
    assert [event.seq for event in logs.page(id_, 148)] == [149, 150]


@pytest.mark.parametrize(
    "tail", ['"output":"a\\u0000b"', '"output":{"output":1}', '"error":{"message":",\\"output\\":"}']
)
def test_of_a_childs_end_only_its_output_is_left_out_whatever_it_holds(tail: str) -> None:
    id_ = make_instance(last_seq=2)
    head = '{"instance_id":"0199","status":"done"'
    insert = """INSERT INTO workflows_event (instance_id, seq, type, correlation_id, data, at)
        VALUES (%s, 2, 'child_finished', 'child:a:1', %s::json, now()) RETURNING 1"""
    eventlog.execute(insert, (id_, f"{head},{tail}}}"))
    ((event,),) = logs.window(id_, 2, 2).segments
    assert event.data == (f"{head},{tail}}}" if tail.startswith('"error"') else head + "}")
