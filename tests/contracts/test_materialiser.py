"""What every Materialiser must do; see mollifier/materialiser.py."""

from threading import Thread

import pytest
from django.db import connections
from msgspec.structs import replace

from mollifier.entry import Comparison, Faulty, Materialised, Unavailable
from tests.contracts.worlds import InMemory, Instances

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[InMemory, Instances], ids=["in memory", "instances"])
def world(request):
    return request.param()


def written(outcomes):
    assert all(isinstance(outcome, Materialised) for outcome in outcomes), outcomes
    return sorted(outcome.id for outcome in outcomes)


def test_it_answers_one_outcome_for_each_entry(world):
    entries = [world.entry() for _ in range(5)]
    assert written(world.materialiser.materialise(entries)) == sorted(entry.id for entry in entries)
    assert world.rows() == dict.fromkeys([entry.id for entry in entries], "started")


@pytest.mark.parametrize("verb", ["materialise", "bury"])
def test_nothing_asked_is_nothing_done(world, verb):
    assert list(getattr(world.materialiser, verb)([])) == []
    assert world.rows() == {}


def test_an_id_that_is_there_already_counts_as_written(world):
    first, second = world.entry(), world.entry()
    world.materialiser.materialise([first])
    assert written(world.materialiser.materialise([first, second])) == sorted([first.id, second.id])
    assert len(world.rows()) == 2


def test_a_cancelled_entry_becomes_a_cancelled_instance(world):
    entry = world.entry(cancel_reason="not needed", patch_version=1)
    for _ in range(2):
        written(world.materialiser.materialise([entry]))
    assert world.rows() == {entry.id: "cancelled"}


def test_an_instance_whose_entry_is_cancelled_afterwards_is_cancelled(world):
    entry = world.entry()
    world.materialiser.materialise([entry])
    written(world.materialiser.materialise([replace(entry, cancel_reason="too late?", patch_version=1)]))
    assert world.rows() == {entry.id: "cancelled"}


def test_a_buried_entry_is_a_failure_under_its_own_id(world):
    entry = world.entry(error="no such definition")
    for _ in range(2):
        written(world.materialiser.bury([entry]))
    assert world.rows() == {entry.id: "failed"}


def test_burying_an_instance_that_exists_leaves_it_alone(world):
    entry = world.entry()
    world.materialiser.materialise([entry])
    written(world.materialiser.bury([replace(entry, error="late")]))
    assert world.rows() == {entry.id: "started"}


def test_one_entry_that_can_not_be_written_spoils_no_other(world):
    good, bad, fine = world.entry(), world.spoilt(), world.entry()
    outcomes = {outcome.id: outcome for outcome in world.materialiser.materialise([good, bad, fine])}
    assert isinstance(outcomes[bad.id], Faulty)
    assert outcomes[bad.id].final
    assert written([outcomes[good.id], outcomes[fine.id]]) == sorted([good.id, fine.id])
    (buried,) = world.materialiser.bury([replace(bad, error="unreadable")])
    assert isinstance(buried, Faulty)
    assert set(world.rows()) == {good.id, fine.id}


@pytest.mark.parametrize("verb", ["materialise", "bury"])
def test_an_unreachable_store_is_no_entrys_fault(world, verb):
    entries = [world.entry(), world.entry()]
    outcomes = world.cut_off(lambda: getattr(world.materialiser, verb)(entries))
    assert {outcome.id for outcome in outcomes} == {entry.id for entry in entries}
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes), outcomes
    assert world.rows() == {}
    written(world.materialiser.materialise(entries))


def test_the_same_entries_from_several_threads_are_written_once(world):
    entries = [world.entry() for _ in range(20)]
    answers = []

    def write(batch):
        try:
            answers.extend(world.materialiser.materialise(batch))
        finally:
            connections.close_all()

    threads = [Thread(target=write, args=(entries[::step],)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 80
    written(answers)
    assert len(world.rows()) == 20


def test_a_comparison_tells_for_each_entry_whether_it_has_a_row(world):
    there, absent = world.entry(), world.entry()
    world.materialiser.materialise([there])
    assert world.materialiser.compare([there, absent]) == {
        there.id: Comparison.EQUAL,
        absent.id: Comparison.MISSING,
    }
    assert world.materialiser.compare([]) == {}
