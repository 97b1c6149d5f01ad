"""Deleting a definition with everything of it, wherever that is."""

import pytest

from tests import stock, tenants
from tests.intake.schedules import make as make_schedule
from tests.intake.test_clearing import accept, buffered, fail
from tests.workflows.making import held_row
from workflows import engine
from workflows.cleanup.batches import Walk
from workflows.intake import deletion, refresher
from workflows.intake.deletion import Active, Unknown
from workflows.models import Definition, DefinitionVersion, Event, Instance, Outbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment():
    return tenants.make_env("acme", mode="on", limit=1)


def switch_off(slug: str = "gone") -> None:
    Definition(slug=slug, active=False).save()
    refresher.refresh()


def delete(slug: str = "gone", how: Walk | None = None, batch: int = 3):
    work = deletion.delete(slug, "not needed", actor="oscar", how=how or Walk(), batch=batch)
    return work.tally, work.detail


def start(environment, definition="greet", **fields):
    """Make a row with its log."""
    made = tenants.trigger(environment, definition=definition, **fields)
    engine.start(made)
    return made.id


def test_only_what_is_switched_off_can_be_deleted(environment):
    assert deletion.refusal("greet") == Active()
    Definition(slug="greet", active=True).save()
    assert deletion.refusal("greet") == Active()
    Definition.objects.get().delete()
    switch_off("greet")
    assert deletion.refusal("greet") is None


def test_what_no_code_registers_can_be_deleted_while_there_is_something_of_it(environment):
    assert deletion.refusal("gone") == Unknown()
    stock.make_instance(environment, definition="gone")
    assert deletion.refusal("gone") is None
    Definition(slug="gone", active=True).save()
    assert deletion.refusal("gone") == Active()


def test_everything_of_it_is_counted(environment):
    accept(tenants.seen(environment), 2, "gone")
    accept(tenants.seen(environment), 1, "other")
    for status in ("pending", "waiting", "paused", "running", "completed", "failed"):
        ended = {"finished_at": tenants.datetime.now(tenants.UTC)} if status in {"completed", "failed"} else {}
        stock.make_instance(environment, definition="gone", status=status, **ended)
    stock.make_instance(environment)
    found = deletion.count("gone")
    assert (found.buffered, found.unfinished, found.finished, found.count) == (2, 4, 2, 8)


def test_all_of_it_goes_with_its_logs_and_nothing_else(environment):
    env = tenants.seen(environment)
    ids, kept = accept(env, 2, "gone"), accept(env, 1, "other")
    other = start(environment)
    for _ in range(4):
        start(environment, "gone")
    for status in ("waiting", "paused", "running"):
        Instance.objects.filter(id=start(environment, "gone")).update(status=status, wake_at=None)
    switch_off()
    tally, detail = delete()
    assert (tally.done, tally.complete) == (7, True)
    assert detail == {"buffered": 2, "cancelled": 7, "instances": 7, "events": 14, "left": 0, "settings": True}
    assert list(Instance.objects.values_list("id", flat=True)) == [other]
    assert set(Event.objects.values_list("instance_id", flat=True)) == {other}
    assert buffered(env, [*ids, *kept]) == set(kept)
    assert not Definition.objects.exists()


def test_dead_letters_of_it_go_too(environment):
    env = tenants.seen(environment)
    (dead,) = accept(env, 1, "gone")
    fail(env)
    switch_off()
    assert delete()[1]["buffered"] == 1
    assert buffered(env, [dead]) == set()


def test_what_code_registers_stays_switched_off(environment):
    start(environment)
    switch_off("greet")
    assert delete("greet")[1]["settings"] is False
    assert Definition.objects.get().active is False
    assert not Instance.objects.exists()


def test_parents_are_told_and_children_cancelled_before_it_goes(environment):
    parent, child = start(environment), start(environment, "gone")
    grandchild = start(environment)
    Instance.objects.filter(id=child).update(source="child", parent_id=parent, started_at=environment.created_at)
    Instance.objects.filter(id=grandchild).update(source="child", parent_id=child)
    Event.objects.create(
        instance_id=parent,
        seq=2,
        type="child_started",
        correlation_id="child:gone:1",
        data={"instance_id": str(child)},
        at=environment.created_at,
    )
    Instance.objects.filter(id=parent).update(last_seq=2)
    switch_off()
    tally, _ = delete()
    assert (tally.done, tally.complete) == (1, True)
    told = Event.objects.get(instance_id=parent, type="child_finished")
    assert told.correlation_id == "child:gone:1"
    assert Instance.objects.get(id=grandchild).status == "cancelled"
    assert not Outbox.objects.filter(instance_id=child).exists()


def test_one_whose_end_is_still_to_be_told_is_kept_for_a_repeat(environment):
    id_ = start(environment, "gone")
    Instance.objects.filter(id=id_).update(source="child", parent_id=id_)
    switch_off()
    engine.cancel(id_, "x", actor="oscar")
    late = environment.created_at.replace(year=2999)
    Outbox.objects.update(available_at=late)
    tally, detail = delete()
    assert (tally.done, tally.busy, tally.complete, detail["left"]) == (0, 1, False, 1)
    assert Definition.objects.exists()
    Outbox.objects.all().delete()
    assert delete()[0].complete


def test_a_repeat_goes_on_with_what_is_left(environment):
    for _ in range(7):
        start(environment, "gone")
    switch_off()
    done: list[int] = []
    tally, detail = delete(how=Walk(stop=lambda: len(done) == 1, told=done.append))
    assert (tally.done, tally.stopped, detail["settings"]) == (3, True, False)
    assert delete()[0].done == 4
    assert not Instance.objects.exists()


def test_stopping_early_deletes_nothing(environment):
    start(environment, "gone")
    switch_off()
    tally, _ = delete(how=Walk(stop=lambda: True))
    assert (tally.done, tally.stopped, Instance.objects.count()) == (0, True, 1)


def test_a_row_that_somebody_holds_is_left(environment):
    first, _ = start(environment, "gone"), start(environment, "gone")
    switch_off()
    with held_row(first):
        tally, _ = delete()
    assert (tally.done, tally.busy) == (1, 1)
    assert delete()[0].complete


def test_schedules_that_name_it_are_counted(environment):
    make_schedule(environment)
    assert deletion.count("greet").schedules == 1


def test_versions_of_a_declared_definition_go_with_it(environment):
    row = Definition.objects.create(slug="gone", active=False, declared_version=1)
    DefinitionVersion.objects.create(
        definition=row, number=1, document={}, interpreter_version=1, by_name="oscar", reason="x"
    )
    assert delete()[1]["settings"] is True
    assert not DefinitionVersion.objects.exists()
