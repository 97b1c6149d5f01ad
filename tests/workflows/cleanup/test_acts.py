"""The frame of a clean-up."""

from uuid import UUID

import pytest

from tests.workflows.cleanup.test_locks import elsewhere, held_elsewhere
from workflows import audit
from workflows.audit import Act, Actor
from workflows.cleanup import acts
from workflows.cleanup.acts import Work
from workflows.cleanup.batches import Tally
from workflows.cleanup.locks import LockHeld
from workflows.models import AuditRecord

pytestmark = pytest.mark.django_db(transaction=True)
ACT = Act(verb="clean", actor=Actor("command: olga"), reason="spring", filter={"a": 1})


@pytest.mark.parametrize(
    ("tally", "outcome"),
    [
        (Tally(3, 0, 1), "done"),
        (Tally(3, 2, 1), "partly"),
        (Tally(3, 0, 1, UUID(int=4)), "partly"),
        (Tally(3, 0, 1, UUID(int=4), stopped=True), "interrupted"),
    ],
)
def test_the_record_says_how_it_ended(tally, outcome):
    done = acts.carry_out(ACT, lambda _: Work(tally, {"events": 7}))
    kept = AuditRecord.objects.get(pk=done.record)
    assert (kept.outcome, done.outcome, kept.detail["events"], kept.detail["busy"]) == (outcome, outcome, 7, tally.busy)


@pytest.mark.parametrize(("error", "outcome"), [(RuntimeError("no"), "failed"), (KeyboardInterrupt(), "interrupted")])
def test_what_breaks_is_recorded_and_lets_the_lock_go(error, outcome):
    def do(_record: int) -> Work:
        assert not elsewhere("clean", {"a": 1})
        raise error

    with pytest.raises(type(error)):
        acts.carry_out(ACT, do)
    assert AuditRecord.objects.get().outcome == outcome
    assert elsewhere("clean", {"a": 1})


def test_what_was_requested_is_one_record_and_is_not_done_once_another_came_first():
    requested = audit.request(ACT)
    done = acts.carry_out(ACT, lambda _: Work(Tally(3, 0, 1)), requested)
    assert (done.record, AuditRecord.objects.get().outcome) == (requested, "done")
    with pytest.raises(LockHeld, match="came first"):
        acts.carry_out(ACT, lambda _: Work(Tally()), requested)


def test_nothing_is_recorded_of_one_that_finds_the_lock_held():
    with held_elsewhere("clean", {"a": 1}), pytest.raises(LockHeld):
        acts.carry_out(ACT, lambda _: Work(Tally()))
    assert not AuditRecord.objects.exists()
