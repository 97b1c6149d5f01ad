"""Deleting finished instances."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from uuid_utils.compat import uuid7

from tests.workflows.making import ENV, held_row, make_instance, make_instances
from workflows import blobs
from workflows.cleanup import finished
from workflows.cleanup.batches import Walk
from workflows.cleanup.finished import Selection
from workflows.models import Event, Hook, Instance, Outbox, Resumption
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
OLD = timezone.now() - timedelta(days=40)
MONTH = timezone.now() - timedelta(days=30)


def make_old(count: int = 1, definition: str = "noop", status: str = "completed", **columns) -> list[UUID]:
    return make_instances(definition, [1] * count, status=status, finished_at=OLD, wake_at=None, **columns)


def none(ids: Sequence[UUID]) -> set[UUID]:
    return set()


def delete(chosen: Selection, how: Walk | None = None, buffered: finished.Buffered = none, batch: int = 3):
    return finished.delete(chosen, how or Walk(), buffered=buffered, batch=batch)


def left() -> set[UUID]:
    return set(Instance.objects.values_list("id", flat=True))


def test_old_ones_go_with_their_events_and_outbox_rows():
    old, young = make_old(5), make_instance(status="completed", finished_at=timezone.now(), wake_at=None)
    waiting = make_instance(status="waiting")
    for id_ in (old[0], young):
        ids = {"instance_id": id_, "org_id": uuid7(), "env_id": uuid7()}
        Outbox.objects.create(type="t", key=str(id_), payload={}, created_at=OLD, **ids)
    tally, deleted = delete(Selection(before=MONTH))
    assert (tally.done, tally.complete, deleted.events, deleted.outbox) == (5, True, 5, 1)
    assert left() == {young, waiting}
    assert set(Event.objects.values_list("instance_id", flat=True)) == {young, waiting}
    assert Outbox.objects.get().instance_id == young


def test_only_what_the_selection_names_is_meant():
    failed, completed, other = make_old(1, status="failed"), make_old(), make_old(1, "other", status="failed")
    foreign = make_old(1, status="failed")
    Instance.objects.filter(id__in=foreign).update(org_id=uuid7())
    org = Instance.objects.get(id=failed[0]).org_id
    chosen = Selection(before=MONTH, statuses=(Status.FAILED,), workflows=("noop",), orgs=(org,))
    assert finished.count(chosen) == 1
    assert delete(chosen)[0].done == 1
    assert left() == {*completed, *other, *foreign}


def test_one_that_is_still_buffered_is_kept():
    ids = make_old(4)
    tally, deleted = delete(Selection(before=MONTH), buffered=lambda asked: [ids[1]] if ids[1] in asked else [])
    assert (tally.done, deleted.buffered, tally.complete) == (3, 1, True)
    assert left() == {ids[1]}


def test_a_batch_is_bounded_by_what_it_looks_at_and_by_events(settings):
    settings.WORKFLOWS = settings.WORKFLOWS | {"CLEANUP_LOOKED_AT": 4, "CLEANUP_EVENTS": 10}
    first = make_old(2, last_seq=9)
    make_instances("noop", [1] * 6, status="waiting")
    last = make_old(3, last_seq=30)
    batches: list[int] = []
    tally, _ = delete(Selection(before=MONTH), Walk(told=batches.append))
    assert tally.done == 5
    assert max(batches) == 2
    assert not left() & {*first, *last}


def test_a_repeat_goes_on_with_what_is_left():
    make_old(7)
    done: list[int] = []
    tally, _ = delete(Selection(before=MONTH), Walk(stop=lambda: len(done) == 1, told=done.append))
    assert (tally.done, tally.stopped) == (3, True)
    assert delete(Selection(before=MONTH))[0].done == 4
    assert delete(Selection(before=MONTH))[0].done == 0


def test_a_row_that_somebody_holds_is_left_for_later():
    ids = make_old(3)
    with held_row(ids[0]):
        tally, _ = delete(Selection(before=MONTH))
    assert (tally.done, tally.busy) == (2, 1)
    assert left() == {ids[0]}


def test_their_hooks_go_with_what_resumed_them():
    (old,), waiting = make_old(), make_instance(status="waiting")
    for id_ in (old, waiting):
        hook = Hook.objects.create(
            token=str(id_), name="h", instance_id=id_, env_id=uuid7(), correlation_id="c", created_at=OLD
        )
        Resumption.objects.create(hook_id=hook.pk, resume_id="r", seq=2, fingerprint="f")
    delete(Selection(before=MONTH))
    kept = Hook.objects.get()
    assert (kept.instance_id, Resumption.objects.get().hook_id) == (waiting, kept.pk)


def test_their_spilled_results_go_and_those_of_others_stay(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    gone, kept = make_old()[0], make_old(status="failed")[0]
    for instance in (gone, kept):
        reference = blobs.spill(ENV, instance, b'{"rows": [1]}')
        Event.objects.create(
            instance_id=instance,
            seq=2,
            type="step_completed",
            correlation_id="step:action.http:1",
            data={"result": reference},
            at=timezone.now(),
        )
    delete(Selection(before=timezone.now(), statuses=(Status.COMPLETED,)))
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == [str(kept)]
