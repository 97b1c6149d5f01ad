"""Each verb in each state of an instance, through races with the drain and with others."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection

from mollifier import buffer, gate
from mollifier.decision import Arrival
from mollifier.entry import CapReached, Fail, Requeue
from tests.intake.draining import claim, drain, settle, write
from tests.tenants import make_env, request, seen, trigger
from workflows import engine
from workflows.attributes import Append, Increment, LimitExceeded, OperationInvalid, Set, VersionConflict
from workflows.engine import AlreadyFinished, FenceConflict, NotFound
from workflows.intake import control, lookup, refresher, submission
from workflows.intake.control import At, ChangedInBuffer
from workflows.intake.lookup import Filters, LookupUnavailable
from workflows.intake.materialiser import InstanceMaterialiser
from workflows.models import Event, Instance
from workflows.rows import Draft
from workflows.states import Status
from workflows.steering import AlreadyStarted, Changed

ON = {"mode": "on", "limit": 1, "window_ms": 60_000, "hold_ms": 60_000}
LATER = datetime(2040, 1, 1, tzinfo=UTC)
SENT = {"tags": ("a",), "metadata": b'{"n":1.50,"empty":[],"list":[1.0]}', "idempotency_key": "k"}

VERBS = {
    "tags": lambda env, id_, **at: control.change_tags(seen(env), id_, add=("vip",), actor="ada", **at),
    "metadata": lambda env, id_, **at: control.change_metadata(
        seen(env), id_, (Append("list", {}), Set("m", [])), actor="ada", **at
    ),
    "reschedule": lambda env, id_, **at: control.reschedule(seen(env), id_, LATER, actor="ada", **at),
    "pause": lambda env, id_, **at: control.pause(seen(env), id_, actor="ada", **at),
    "resume": lambda env, id_, **at: control.resume(seen(env), id_, actor="ada", **at),
}
SHOWS = {
    "tags": {"tags": ("a", "vip")},
    "metadata": {"metadata": b'{"n":1.50,"empty":[],"list":[1.0,{}],"m":[]}', "metadata_version": 1},
    "reschedule": {"run_after": LATER},
    "pause": {"status": "paused"},
    "resume": {},
}
PLACES = ["queued", "delayed", "leased", "failed", "written", "pending"]


@pytest.fixture
def env(db):
    made = make_env("acme", "production", **ON)
    submission.submit(request(made))
    return made


def placed(env, place: str):
    """Hand in a trigger and bring it to a state; return its id, and the claim while it is leased."""
    if place == "pending":
        return submission.submit(request(env, **SENT, bufferable=False)).instance.id, None
    id_ = submission.submit(request(env, **SENT)).instance.id
    if place == "queued":
        return id_, None
    claimed = claim()
    if place == "delayed":
        buffer.settle(claimed.token, [Requeue(id_, 60_000, True, "x")])
    if place == "failed":
        buffer.settle(claimed.token, [Fail(id_, "x")])
    if place == "written":
        write(claimed.entries)
    return id_, claimed if place in ("leased", "written") else None


def finish(place: str, claimed) -> None:
    """Let the entry become its row, as its drainer would."""
    if place == "leased":
        write(claimed.entries)
    if claimed:
        settle(claimed)
    if place == "delayed":
        later = buffer.claim("later", 10, 60_000, now_ms=4_000_000_000_000.0)
        write(later.entries)
        settle(later)
    drain()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_shows_at_once_and_in_the_row(env, place, verb):
    id_, claimed = placed(env, place)
    outcome = VERBS[verb](env, id_)
    assert isinstance(outcome, Changed if place == "pending" else ChangedInBuffer)
    shown = lookup.find(seen(env), id_)
    assert {name: getattr(shown, name) for name in SHOWS[verb]} == SHOWS[verb]
    if place == "failed":
        return
    finish(place, claimed)
    shown = lookup.find(seen(env), id_)
    assert {name: getattr(shown, name) for name in SHOWS[verb]} == SHOWS[verb]
    held = Instance.objects.get(id=id_)
    assert held.idempotency_key == "k"
    if verb == "reschedule":
        assert (held.status, held.wake_at) == (Status.PENDING, LATER)
    if verb == "pause":
        assert (held.wake_at, Event.objects.filter(instance_id=id_, type="paused").count()) == (None, 1)
    assert [row.seq for row in Event.objects.filter(instance_id=id_).order_by("seq")] == list(
        range(1, held.last_seq + 1)
    )


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", ["queued", "leased", "pending"])
def test_a_finished_instance_refuses_every_verb_wherever_it_is(env, place, verb):
    id_, _ = placed(env, place)
    control.cancel(seen(env), id_, "enough", actor="ada")
    assert VERBS[verb](env, id_) == AlreadyFinished(Status.CANCELLED)
    stranger = make_env("other", "production", **ON)
    assert VERBS[verb](stranger, id_) == NotFound()


@pytest.mark.parametrize("verb", VERBS)
def test_a_fence_holds_in_both_places(env, verb):
    row, _ = placed(env, "pending")
    assert VERBS[verb](env, row, at=At(0)) == FenceConflict(0, 1)
    before = Event.objects.get(instance_id=row, seq=1).at
    assert VERBS[verb](env, row, at=At(moment=before)) == FenceConflict(0, 1)
    assert isinstance(VERBS[verb](env, row, at=At(moment=LATER)), Changed)
    entry = submission.submit(request(env)).instance.id
    assert VERBS[verb](env, entry, at=At(1)) == FenceConflict(1, 0)
    assert VERBS[verb](env, entry, at=At(moment=before)) == ChangedInBuffer()
    assert VERBS[verb](env, entry, at=At(0)) == ChangedInBuffer()


@pytest.mark.parametrize("place", ["queued", "leased", "pending"])
def test_limits_and_versions_are_the_same_in_both_places(env, place, settings):
    id_, _ = placed(env, place)
    nine = tuple("bcdefghij")
    assert not isinstance(control.change_tags(seen(env), id_, add=nine, actor="ada"), LimitExceeded)
    assert VERBS["tags"](env, id_) == LimitExceeded("tags", 10)

    def operate(*operations, expected=None):
        return control.change_metadata(seen(env), id_, operations, expected_version=expected, actor="ada")

    assert isinstance(operate(Increment("n"), expected=0), ChangedInBuffer | Changed)
    assert operate(Increment("n"), expected=0) == VersionConflict(0, 1)
    assert isinstance(operate(Increment("n", 0.25), expected=1), ChangedInBuffer | Changed)
    assert operate(Append("n", 1)) == OperationInvalid(0, "what is there is not a list")
    settings.WORKFLOWS = {**settings.WORKFLOWS, "MAX_METADATA_BYTES": 100}
    assert operate(Set("x", "x" * 100)) == LimitExceeded("metadata", 100)
    shown = lookup.find(seen(env), id_)
    assert (shown.metadata, shown.metadata_version) == (b'{"n":2.75,"empty":[],"list":[1.0]}', 2)


def test_a_full_buffer_takes_no_more_metadata(env, settings):
    id_, _ = placed(env, "queued")
    settings.MOLLIFIER = {**settings.MOLLIFIER, "CAP_ENV_BYTES": 600}
    outcome = control.change_metadata(seen(env), id_, (Set("x", "x" * 600),), actor="ada")
    assert outcome == CapReached("env")
    assert lookup.find(seen(env), id_).metadata == SENT["metadata"]


def test_a_failure_row_keeps_what_was_changed(env):
    failing, _ = placed(env, "queued")
    for verb in ("tags", "metadata", "pause"):
        VERBS[verb](env, failing)
    (entry,) = claim().entries
    InstanceMaterialiser().bury([entry])
    held = Instance.objects.get(id=failing)
    assert (held.status, held.tags, held.metadata_version) == (Status.SYSTEM_FAILURE, ["a", "vip"], 1)
    assert held.idempotency_key == "k"


def test_a_superseded_row_keeps_what_was_changed(env):
    loser, _ = placed(env, "queued")
    VERBS["tags"](env, loser)
    VERBS["pause"](env, loser)
    owner = request(env, **SENT, bufferable=False)
    engine.start_many([_draft(env, owner)])
    drain()
    held = Instance.objects.get(id=loser)
    assert (held.status, held.superseded_by, held.tags) == (Status.SUPERSEDED, owner.id, ["a", "vip"])


def _draft(env, wanted):
    return Draft(trigger(env, id=wanted.id, idempotency_key="k"))


def test_a_buffered_one_is_paused_and_resumed_without_leaving_the_queue(env):
    id_, _ = placed(env, "queued")
    VERBS["pause"](env, id_)
    assert [each.id for each in lookup.listing(seen(env), Filters(status="paused")).data] == [id_]
    assert lookup.listing(seen(env), Filters(status="buffered")).data == ()
    VERBS["resume"](env, id_)
    assert [each.id for each in lookup.listing(seen(env), Filters(status="buffered")).data] == [id_]
    drain()
    assert Instance.objects.get(id=id_).status == Status.PENDING


@pytest.mark.parametrize("place", ["queued", "written", "pending"])
def test_a_list_finds_an_instance_by_the_tags_it_has_now(env, place):
    id_, _ = placed(env, place)
    control.change_tags(seen(env), id_, add=("vip",), remove=("a",), actor="ada")
    found = {tag: [each.id for each in lookup.listing(seen(env), Filters(tag=tag)).data] for tag in ("vip", "a")}
    if place == "written":
        assert found["a"] == [id_], "the row shows until it is settled"
    else:
        assert found == {"vip": [id_], "a": []}


def test_a_pause_and_a_resume_while_it_is_written_end_as_the_last_of_them(env):
    id_, claimed = placed(env, "written")
    VERBS["pause"](env, id_)
    VERBS["resume"](env, id_)
    settle(claimed)
    assert Instance.objects.get(id=id_).status == Status.PENDING


def test_what_has_started_meanwhile_can_not_be_put_off(env):
    id_, claimed = placed(env, "written")
    Instance.objects.filter(id=id_).update(started_at=LATER, status=Status.RUNNING, wake_at=None)
    assert VERBS["reschedule"](env, id_) == ChangedInBuffer(), "its entry is not gone yet"
    settle(claimed)
    assert VERBS["reschedule"](env, id_) == AlreadyStarted()
    assert Instance.objects.get(id=id_).wake_at is None


def test_without_redis_a_row_is_changed_and_nothing_else_is_denied(env, no_redis):
    row = submission.submit(request(env)).instance.id
    assert VERBS["tags"](env, row) == Changed(2)
    with pytest.raises(LookupUnavailable):
        VERBS["tags"](env, request(env).id)


def test_an_entry_that_can_not_be_read_is_refused(env):
    wanted = request(env)
    rollout = refresher.current().rollout(env.org_id, env.id)
    gate.admit(Arrival(wanted.id, lookup.scope_of(seen(env)), rollout, b"\x01broken"))
    assert VERBS["tags"](env, wanted.id) == control.Unreadable()


@pytest.mark.django_db(transaction=True)
def test_changes_that_race_a_drain_and_each_other_are_all_kept(env):
    """Several count on the same instances while these are drained: no answered change is lost, none is done twice."""
    wanted = [submission.submit(request(env)).instance.id for _ in range(20)]
    stop = threading.Event()
    counted = dict.fromkeys(wanted, 0)
    lock = threading.Lock()

    def count(number: int) -> None:
        try:
            for _ in range(4):
                for id_ in wanted:
                    outcome = control.change_metadata(
                        seen(env), id_, (Increment("n"), Set(f"w{number}", True)), actor=str(number)
                    )
                    assert isinstance(outcome, Changed | ChangedInBuffer), outcome
                    with lock:
                        counted[id_] += 1
        finally:
            connection.close()

    def drain_slowly() -> None:
        try:
            while not stop.is_set():
                claimed = buffer.claim(f"t{len(counted)}-{threading.get_ident()}-{next(tokens)}", 3, 60_000)
                write(claimed.entries)
                settle(claimed)
        finally:
            connection.close()

    tokens = iter(range(10**9))
    counters = [threading.Thread(target=count, args=(number,)) for number in range(4)]
    drainer = threading.Thread(target=drain_slowly)
    for thread in (*counters, drainer):
        thread.start()
    for thread in counters:
        thread.join(60)
    stop.set()
    drainer.join(60)
    drain()
    shown = {row.id: (row.metadata.get("n"), row.metadata_version) for row in Instance.objects.filter(id__in=wanted)}
    assert shown == dict.fromkeys(wanted, (16, 16))
    assert set(counted.values()) == {16}
