"""What a storm suppressed is submitted again, once, at a rate, and not into the next storm."""

import time
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.bound import bind, emitted
from tests.tenants import make_env
from workflows import storms
from workflows.audit import Act, Actor
from workflows.cleanup.batches import Walk
from workflows.intake import events, refresher, suppressed
from workflows.lineage import Lineage
from workflows.models import AuditRecord, Definition, Instance, Storm
from workflows.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
FAST = 10_000.0


def storm_of(env, limit=4, refused=3, **fields) -> Storm:
    for number in range(limit + refused):
        events.submit_matching(emitted(env, key=f"k-{number}", payload=str(number).encode(), **fields))
    return Storm.objects.get(closed_at=None)


def end_all() -> None:
    Instance.objects.filter(finished_at=None).update(status=Status.COMPLETED, finished_at=timezone.now(), wake_at=None)


def replay(storm, limit=100, rate=FAST, **how):
    return suppressed.replay(storm, limit=limit, rate=rate, how=Walk(**how))


def test_what_was_suppressed_starts_in_its_order_with_its_lineage_and_is_not_started_twice():
    env = make_env()
    bind(limit=4)
    parent = Lineage(uuid4(), uuid4(), None, 2, ("a", "b", "c"))
    storm = storm_of(env, parent=parent)
    end_all()
    work = replay(storm)
    assert work.tally.complete
    assert (work.detail["started"], work.detail["left"]) == (3, 0)
    made = list(Instance.objects.filter(finished_at=None).order_by("created_at"))
    assert [each.event_key for each in made] == ["k-4", "k-5", "k-6"]
    assert {(each.parent_id, each.root_id, each.depth) for each in made} == {(parent.instance_id, parent.root_id, 3)}
    assert replay(storm).detail["started"] == 0


def test_without_room_it_ends_and_counts_nothing_as_suppressed_again():
    env = make_env()
    bind(limit=4)
    storm = storm_of(env, refused=6)
    assert "the limit is 4" in replay(storm).detail["held_up"]
    end_all()
    work = replay(storm)
    assert (work.detail["started"], work.detail["left"]) == (4, 2)
    assert "the limit is 4" in work.detail["held_up"]
    assert work.tally.capped
    storm.refresh_from_db()
    assert storm.suppressed == 6
    end_all()
    assert replay(storm).detail["started"] == 2


def test_at_most_the_limit_is_submitted_and_a_stop_ends_it():
    env = make_env()
    bind(limit=4)
    storm = storm_of(env)
    end_all()
    assert replay(storm, limit=1).tally.done == 1
    work = replay(storm, stop=lambda: True)
    assert (work.tally.done, work.tally.stopped) == (0, True)
    assert storms.count_kept(storm.id) == 2


def test_it_waits_its_turn():
    env = make_env()
    bind(limit=4)
    storm = storm_of(env)
    end_all()
    began = time.monotonic()
    assert replay(storm, rate=20.0).tally.done == 3
    assert time.monotonic() - began >= 2 / 20.0


def test_one_that_was_started_meanwhile_is_found_and_one_that_can_not_run_now_is_kept():
    env = make_env()
    bind(limit=4)
    storm = storm_of(env)
    end_all()
    events.submit_matching(emitted(env, key="k-4"))
    work = replay(storm, limit=2)
    assert (work.detail["existing"], work.detail["started"]) == (1, 1)
    greet = Definition.objects.create(slug="greet", active=False)
    refresher.refresh()
    held = replay(storm)
    assert (held.tally.done, held.detail["left"]) == (0, 1)
    assert "switched off" in held.detail["held_up"]
    greet.active = True
    greet.save()
    refresher.refresh()
    assert replay(storm).detail["started"] == 1


def test_one_that_can_never_run_is_done_with(settings):
    env = make_env()
    bind(limit=9)
    storm = storm_of(env, limit=9)
    end_all()
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_PAYLOAD_BYTES": 1}
    work = replay(storm)
    assert (work.detail["started"], work.detail["rejected"], work.detail["left"]) == (1, 2, 0)


def test_closing_by_hand_is_audited_and_done_once():
    env = make_env()
    bind(limit=4)
    storm = storm_of(env)
    act = Act(verb="close_storm", actor=Actor("ada"), reason="mended", filter={"storm": storm.pk})
    assert suppressed.close(storm, act)
    assert not suppressed.close(storm, act)
    record = AuditRecord.objects.get()
    assert (record.verb, record.actor_name, record.reason) == ("close_storm", "ada", "mended")
    assert Storm.objects.get().closed_by == "ada"
