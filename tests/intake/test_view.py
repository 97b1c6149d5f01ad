"""One shape for an instance, whether it is shown from a trigger, an entry or a row."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from mollifier.decision import Scope
from mollifier.entry import State
from tests.intake.draining import entry_of
from tests.tenants import trigger
from workflows import engine, patch
from workflows.fence import Failure
from workflows.intake import lookup, view
from workflows.intake.directory import Env, Org
from workflows.intake.view import InstanceView, Notice
from workflows.trigger import Trigger

ENV = Env(uuid7(), "production", Org(uuid7(), "acme", "Acme"))
# What only a row has, or has another of.
OF_THE_ROW = {"status", "created_at", "last_seq", "notice"}


def sent(**given) -> Trigger:
    return trigger(org_id=ENV.org.id, env_id=ENV.id, tags=("t",), metadata=b'{"m":1}', idempotency_key="k", **given)


def entry(**given):
    made = sent()
    return entry_of(made, scope=Scope(str(ENV.org.id), str(ENV.id)), **given)


@pytest.mark.django_db
def test_trigger_entry_and_row_show_the_same():
    made = sent(parent_id=uuid7(), depth=1)
    engine.start(made)
    from_trigger = view.from_trigger(ENV, made, "buffered")
    from_entry = view.from_entry(ENV, entry_of(made))
    from_row = lookup.find_rows(ENV, [made.id])[made.id]
    compared = [field.name for field in fields(InstanceView) if field.name not in OF_THE_ROW]
    shown = [[getattr(each, name) for name in compared] for each in (from_trigger, from_entry, from_row)]
    assert shown[0] == shown[1] == shown[2]


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"state": State.QUEUED}, "env_rate", "its turn"),
        ({"state": State.LEASED}, "env_rate", "its turn"),
        ({"state": State.DELAYED, "error": "relation is missing"}, "delayed", "tried again"),
        ({"state": State.FAILED, "error": "relation is missing"}, "dead_letter", "operator"),
    ],
)
def test_an_entry_says_why_it_waits(given, code, says):
    shown = view.from_entry(ENV, entry(**given))
    assert (shown.status, shown.notice.code) == ("buffered", code)
    assert says in shown.notice.message
    assert "relation" not in shown.notice.message, "the inner error is for operators"


def test_an_entry_that_was_cancelled_is_cancelled():
    shown = view.from_entry(ENV, entry(cancel_reason="not wanted"))
    assert (shown.status, shown.error, shown.notice) == ("cancelled", Failure("cancelled", "not wanted"), None)


def test_an_entry_that_was_changed_or_paused_is_shown_so():
    made = sent()
    changed = made.evolve(tags=("u",), metadata=b'{"m":2}', metadata_version=1, paused=True)
    shown = view.from_entry(ENV, entry_of(made, patch=patch.encode(made, changed)))
    assert (shown.tags, shown.metadata, shown.metadata_version) == (("u",), b'{"m":2}', 1)
    assert (shown.status, shown.notice.code, shown.last_seq) == ("paused", "paused", 0)


@pytest.mark.parametrize(("snapshot", "code"), [(b"", "snapshot_invalid"), (b"\x09", "snapshot_from_future")])
def test_an_entry_that_can_not_be_read_is_still_shown(snapshot, code):
    given = entry(snapshot=snapshot)
    shown = view.from_entry(ENV, given)
    assert (shown.id, shown.status, shown.notice.code, shown.org) == (given.id, "buffered", code, "acme")


def row(**given) -> list:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    columns = {
        "id": UUID(int=1),
        "definition": "greet",
        "version": 1,
        "status": "waiting",
        "source": "api",
        "tags": ["t"],
        "metadata": "{}",
        "idempotency_key": None,
        "shard": 0,
        "root_id": UUID(int=1),
        "parent_id": None,
        "depth": 0,
        "accepted_at": moment,
        "run_after": None,
        "metadata_version": 0,
        "created_at": moment,
        "started_at": None,
        "finished_at": None,
        "last_seq": 1,
        "superseded_by": None,
        "error_code": None,
        "error_message": None,
        "event_type": None,
        "event_key": None,
        "cause": None,
        "chain": None,
        "first": '{"payload": {"a" : 1}}',
        "last": None,
    }
    return list((columns | given).values())


def test_a_code_on_an_unfinished_row_is_a_notice_and_on_a_finished_one_an_error():
    given = {"error_code": "definition_missing", "error_message": "not here"}
    waiting = view.from_row(ENV, row(**given))
    assert (waiting.notice, waiting.error) == (Notice("definition_missing", "not here"), None)
    failed = view.from_row(ENV, row(**given, finished_at=datetime(2026, 1, 2, tzinfo=UTC), status="failed"))
    assert (failed.notice, failed.error) == (None, Failure("definition_missing", "not here"))


def test_payload_and_output_are_the_text_that_the_log_holds():
    shown = view.from_row(ENV, row(last='{"output":[1.50,{"b":1,"a":2}]}', status="completed"))
    assert (shown.payload, shown.output) == (b'{"a" : 1}', b'[1.50,{"b":1,"a":2}]')
    nothing = view.from_row(ENV, row(first=None))
    assert (nothing.payload, nothing.output) == (b"null", b"null")


def test_a_view_is_a_value():
    shown = view.from_row(ENV, row())
    assert replace(shown) == shown
