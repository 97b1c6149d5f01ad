"""cleanup_buffer: which entries are removed, and what is kept of them; what all bulk commands do is in test_bulk.py."""

import json

import pytest
from django.core.management import CommandError, call_command

from tests import tenants
from tests.intake.test_clearing import accept, buffered, fail
from tests.nowhere import no_redis  # noqa: F401
from workflows.models import AuditRecord, Instance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def env():
    return tenants.seen(tenants.make_env("acme", mode="on", limit=1))


def run(capsys, *arguments):
    call_command("cleanup_buffer", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def refused(*arguments):
    with pytest.raises(CommandError) as caught:
        call_command("cleanup_buffer", *arguments)
    return caught.value


def test_an_empty_filter_is_refused(env, tmp_path):
    accept(env)
    error = refused("--execute", "--export", str(tmp_path / "out"))
    assert error.returncode == 1
    assert "--org, --env, --older-than or --state" in str(error)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_counts_by_state_and_removes_nothing(env, capsys, tmp_path):
    (dead,) = accept(env)
    fail(env)
    queued = accept(env, 2)
    found = run(capsys, "--org", "acme", "--export", str(tmp_path / "out"))
    assert (found["count"], found["executed"]) == (3, False)
    assert [(group["state"], group["count"]) for group in found["groups"]] == [("queued", 2), ("failed", 1)]
    assert buffered(env, [dead, *queued]) == {dead, *queued}
    assert not (tmp_path / "out").exists()


def test_what_is_chosen_is_removed_and_the_rest_stays(env, capsys):
    other = tenants.seen(tenants.make_env("other", mode="on", limit=1))
    (dead,) = accept(env)
    fail(env)
    (queued,), foreign = accept(env), accept(other)
    assert run(capsys, "--org", "acme", "--env", "production", "--state", "failed", "--execute")["done"] == 1
    assert run(capsys, "--older-than", "1h", "--execute")["done"] == 0
    assert run(capsys, "--org", "acme", "--older-than", "0s", "--execute", "--reason", "a flood")["done"] == 1
    assert buffered(env, [dead, queued]) == set()
    assert buffered(other, foreign) == set(foreign)
    assert not Instance.objects.exists()
    record = AuditRecord.objects.first()
    assert (record.verb, record.reason, record.count, record.target) == ("cleanup_buffer", "a flood", 1, "acme")


def test_with_export_each_is_a_line_on_the_disk_before_it_is_gone(env, capsys, tmp_path):
    ids, path = accept(env, 3), tmp_path / "out.jsonl"
    told = run(capsys, "--org", "acme", "--export", str(path), "--execute")
    assert (told["done"], told["exported"], told["export"]) == (3, 3, str(path))
    assert {json.loads(line)["id"] for line in path.read_text().splitlines()} == {str(id_) for id_ in ids}
    (later,) = accept(env)
    assert run(capsys, "--org", "acme", "--export", str(path), "--execute")["exported"] == 1
    lines = path.read_text().splitlines()
    assert (len(lines), json.loads(lines[-1])["id"]) == (4, str(later))


def test_nothing_is_removed_when_the_file_can_not_be_written(env, tmp_path):
    ids = accept(env)
    error = refused("--org", "acme", "--export", str(tmp_path / "no" / "out"), "--execute")
    assert (error.returncode, str(error).endswith("nothing was removed")) == (1, True)
    assert buffered(env, ids) == set(ids)


@pytest.mark.usefixtures("no_redis")
def test_without_redis_it_says_so(env):
    assert refused("--org", "acme", "--execute").returncode == 1
    assert AuditRecord.objects.get().outcome == "failed"
