"""Walking in batches."""

from uuid import UUID

import pytest

from workflows import audit
from workflows.audit import Act, Actor
from workflows.cleanup import batches
from workflows.cleanup.batches import FIRST, Batch, Tally, Walk
from workflows.models import AuditRecord

pytestmark = pytest.mark.django_db(transaction=True)


class Numbers:
    """Ids from 1 on, two a batch; those in `held` are busy, once."""

    def __init__(self, count: int, held: tuple[int, ...] = ()) -> None:
        self.left, self.held, self.seen = list(range(1, count + 1)), set(held), []

    def take(self, after: UUID) -> Batch:
        page = [each for each in self.left if each > after.int][:2]
        free = [each for each in page if each not in self.held]
        self.held -= set(page)
        self.left = [each for each in self.left if each not in free]
        self.seen += free
        return Batch(len(free), UUID(int=page[-1]) if len(page) == 2 else None, len(page) - len(free))


def test_a_walk_goes_on_until_nothing_is_left():
    numbers, heard = Numbers(5), []
    tally = batches.walk(numbers.take, Walk(told=heard.append))
    assert (numbers.seen, heard) == ([1, 2, 3, 4, 5], [2, 2, 1])
    assert tally == Tally(done=5, batches=3)
    assert tally.complete


def test_rows_that_others_hold_are_looked_for_again():
    numbers = Numbers(4, held=(2,))
    tally = batches.walk(numbers.take, Walk())
    assert (numbers.seen, tally.done, tally.busy, tally.complete) == ([1, 3, 4, 2], 4, 0, True)


def test_rows_that_stay_held_are_left_and_told():
    class Stuck(Numbers):
        def take(self, after: UUID) -> Batch:
            self.held = {2}
            return super().take(after)

    tally = batches.walk(Stuck(3).take, Walk())
    assert (tally.done, tally.busy, tally.complete) == (2, 1, False)


def test_a_walk_that_is_stopped_says_where_and_a_repeat_goes_on():
    numbers = Numbers(6)
    tally = batches.walk(numbers.take, Walk(stop=lambda: len(numbers.seen) >= 2))
    assert (tally.done, tally.stopped, tally.capped, tally.after) == (2, True, False, UUID(int=2))
    batches.walk(numbers.take, Walk())
    assert numbers.seen == [1, 2, 3, 4, 5, 6]


def test_a_walk_ends_at_its_cap_of_batches(settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"CLEANUP_BATCHES": 2}
    tally = batches.walk(Numbers(9).take, Walk())
    assert (tally.done, tally.batches, tally.capped, tally.complete) == (4, 2, True, False)
    assert batches.walk(Numbers(9).take, Walk(most=1), FIRST).done == 2


def test_each_batch_is_counted_in_its_own_transaction():
    record = audit.begin(Act(verb="walk", actor=Actor("test"), reason="counts"))

    def take(after: UUID) -> Batch:
        if after == FIRST:
            return Batch(3, UUID(int=1))
        audit.add(record, 100)
        raise RuntimeError("the second batch breaks")

    with pytest.raises(RuntimeError):
        batches.walk(take, Walk(record=record))
    assert AuditRecord.objects.get(pk=record).count == 3


def test_tallies_of_one_act_are_joined():
    joined = Tally(2, 1, 3) + Tally(5, 0, 1, UUID(int=9), stopped=True)
    assert joined == Tally(7, 1, 4, UUID(int=9), stopped=True)
