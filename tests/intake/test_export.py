"""Writing entries to a file before they are removed."""

import json

import pytest

from mollifier import patches
from tests.intake import test_clearing
from tests.intake.test_clearing import accept, fail, selection
from workflows.intake import clearing, control, export, lookup, refresher

pytestmark = pytest.mark.django_db(transaction=True)
env = test_clearing.env


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def read(path, offset):
    return [found for page in export.read(path, offset, refresher.current().envs_by_slug) for found in page]


def test_a_line_holds_what_it_takes_to_send_the_trigger_again(env, tmp_path):
    (one,) = accept(env, 1, idempotency_key="k", payload=b'{"n":[1e400]}')
    control.change_tags(env, one, add=("vip",), actor="olga")
    written = export.write(clearing.find(selection(env)), tmp_path / "out")
    (text,) = (tmp_path / "out").read_text().splitlines()
    assert (written.count, written.offset) == (1, 0)
    assert '"payload":{"n":[1e400]}' in text
    line = json.loads(text)
    assert (line["id"], line["org"], line["env"], line["state"]) == (str(one), "acme", "production", "queued")
    assert (line["definition"], line["idempotency_key"], line["tags"]) == ("greet", "k", ["vip"])
    assert (line["version"], line["metadata"]) == (1, {})


def test_only_its_owner_may_read_the_file(env, tmp_path):
    export.write(clearing.find(selection(env)), tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


def test_a_dead_letter_tells_its_error(env, tmp_path):
    accept(env)
    fail(env)
    export.write(clearing.find(selection(env)), tmp_path / "out")
    assert lines(tmp_path / "out")[0]["error"] == "why"


def test_what_was_written_is_what_is_read_back_page_by_page(env, tmp_path):
    ids = accept(env, clearing.PAGE + 3)
    written = export.write(clearing.find(selection(env)), tmp_path / "out")
    pages = list(export.read(tmp_path / "out", written.offset, refresher.current().envs_by_slug))
    assert [len(page) for page in pages] == [clearing.PAGE, 3]
    assert {found.id for page in pages for found in page} == set(ids)
    assert clearing.remove(iter(pages), clearing.Walk()).done == len(ids)


def test_another_run_appends_and_cuts_what_a_killed_one_left_torn(env, tmp_path):
    path = tmp_path / "out"
    (one,) = accept(env)
    export.write(clearing.find(selection(env)), path)
    with path.open("a") as file:
        file.write('{"id": "torn')
    written = export.write(clearing.find(selection(env)), path)
    assert written.offset > 0
    assert [line["id"] for line in lines(path)] == [str(one), str(one)]
    assert [found.id for found in read(path, written.offset)] == [one]


def test_a_file_that_holds_only_a_torn_line_starts_anew(env, tmp_path):
    (tmp_path / "out").write_text('{"id": "to')
    accept(env)
    assert export.write(clearing.find(selection(env)), tmp_path / "out").offset == 0
    assert len(lines(tmp_path / "out")) == 1


def test_what_was_changed_after_it_was_written_is_not_removed(env, tmp_path):
    (one,) = accept(env)
    written = export.write(clearing.find(selection(env)), tmp_path / "out")
    patches.cancel(lookup.scope_of(env), one, "by hand")
    pages = export.read(tmp_path / "out", written.offset, refresher.current().envs_by_slug)
    tally = clearing.remove(pages, clearing.Walk())
    assert (tally.done, tally.busy) == (0, 1)


def test_a_place_that_can_not_be_written_is_refused(env, tmp_path):
    with pytest.raises(OSError, match="No such file"):
        export.write(clearing.find(selection(env)), tmp_path / "nowhere" / "out")
