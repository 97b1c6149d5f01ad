"""The audit of what is done to many things at once."""

from dataclasses import replace

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from workflows import audit
from workflows.audit import Act, Actor, AuditOutcome
from workflows.models import AuditRecord

pytestmark = pytest.mark.django_db
ACT = Act(verb="sweep_up", actor=Actor("command: olga"), reason=" spilt ", filter={"workflow": ["a"]}, target="a")


def test_a_record_tells_who_did_what_to_how_many_and_why():
    record = audit.begin(ACT)
    audit.add(record, 3)
    audit.add(record, 4)
    audit.end(record, AuditOutcome.DONE, {"busy": 0})
    kept = AuditRecord.objects.get(pk=record)
    assert (kept.verb, kept.target, kept.actor_name, kept.reason) == ("sweep_up", "a", "command: olga", "spilt")
    assert (kept.count, kept.outcome, kept.filter, kept.detail) == (7, "done", {"workflow": ["a"]}, {"busy": 0})
    assert kept.finished_at >= kept.started_at


def test_what_a_killed_process_left_open_is_closed_by_the_next_with_its_count():
    left, other = audit.begin(ACT), audit.begin(Act(verb="sweep_up", actor=ACT.actor, reason="other"))
    audit.add(left, 5)
    record = audit.begin(ACT)
    outcomes = dict(AuditRecord.objects.values_list("pk", "outcome"))
    assert outcomes == {left: "interrupted", other: "running", record: "running"}
    assert AuditRecord.objects.get(pk=left).count == 5


def test_what_was_requested_is_gone_on_with_and_overtakes_what_was_requested_before():
    overtaken, record, later = (audit.request(ACT) for _ in range(3))
    assert audit.asked(record) == replace(ACT, reason="spilt")
    assert audit.begin(ACT, record) == record
    assert [audit.is_open(each) for each in (overtaken, record, later)] == [False, True, True]


def test_what_is_done_at_once_is_one_record():
    oscar = User.objects.create_user("oscar")
    record = audit.note(
        Act(verb="storm_closed", actor=Actor.from_user(oscar), reason="it is over", target="checkout"), 1, peak=9
    )
    kept = AuditRecord.objects.get(pk=record)
    assert (kept.actor, kept.actor_name, kept.outcome, kept.detail) == (oscar, "oscar", "done", {"peak": 9})


def test_an_ended_record_stays_as_it_is():
    record = audit.note(ACT)
    audit.end(record, AuditOutcome.FAILED, {})
    assert AuditRecord.objects.get(pk=record).outcome == "done"
    with pytest.raises(DatabaseError, match="not changed once it has ended"), transaction.atomic():
        AuditRecord.objects.filter(pk=record).update(reason="another")
    with pytest.raises(DatabaseError, match="never deleted"), transaction.atomic():
        AuditRecord.objects.filter(pk=record).delete()


def test_a_record_outlives_the_user_who_acted():
    olga = User.objects.create_user("olga")
    record = audit.note(Act(verb="x", actor=Actor.from_user(olga), reason="y"))
    olga.delete()
    kept = AuditRecord.objects.get(pk=record)
    assert (kept.actor, kept.actor_name) == (None, "olga")
