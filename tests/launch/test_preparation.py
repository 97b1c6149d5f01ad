"""Preparing an empty data directory for real, and skipping it when nothing has changed."""

import json

import psycopg
import pytest

from launch import environment, preparation, servers
from launch.data import DataDirectory
from launch.preparation import Preparation
from launch.process import LaunchError

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    data = DataDirectory(tmp_path_factory.mktemp("data"))
    data.make()
    started = servers.start(data, {})
    yield started
    started.stop()


def test_an_empty_database_gets_its_tables_its_demo_tenant_and_its_schedules(running, monkeypatch):
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings.local")
    done = Preparation(running.data, running, demo=True)
    assert not done.is_done()
    assert done.run()
    kept = json.loads(running.data.credentials.read_text())
    assert set(kept) >= {"admin_user", "admin_password", "api_key_production", "api_key_staging"}
    assert (running.data.path / "static" / "staticfiles.json").exists()
    with psycopg.connect(running.database.url) as database:
        assert database.execute("SELECT count(*) FROM django_q_schedule").fetchone()[0] >= 2
    assert done.is_done()
    assert not done.run()
    assert json.loads(running.data.credentials.read_text()) == kept


def test_somebody_elses_database_is_prepared_at_each_start(running):
    given = {"DATABASE_URL": running.database.url, "REDIS_URL": running.redis.url}
    theirs = servers.start(running.data, given)
    assert not Preparation(running.data, theirs, demo=True).is_done()


def test_whatever_preparing_reads_changes_its_fingerprint(tmp_path, running, monkeypatch):
    for name in (
        "requirements.txt",
        "shop/migrations/0001_initial.py",
        "shop/static/shop/page.css",
        ".data/static/page.css",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    done = Preparation(running.data, running, demo=False)
    seen = {done.fingerprint(tmp_path)}
    (tmp_path / ".data/static/page.css").write_text("second")
    assert done.fingerprint(tmp_path) in seen
    for name in ("requirements.txt", "shop/migrations/0001_initial.py", "shop/static/shop/page.css"):
        (tmp_path / name).write_text("second")
        assert done.fingerprint(tmp_path) not in seen
        seen.add(done.fingerprint(tmp_path))
    monkeypatch.setenv("MOLLIFIER_LIMIT", "7")
    assert done.fingerprint(tmp_path) not in seen


def test_secrets_told_earlier_are_kept_when_a_later_run_cannot_tell_them(tmp_path):
    data = DataDirectory(tmp_path)
    assert preparation.keep_credentials('{"admin_user": "admin", "key": "secret"}', data)
    assert not preparation.keep_credentials('{"admin_user": "admin", "key": null}', data)
    assert json.loads(data.credentials.read_text()) == {"admin_user": "admin", "key": "secret"}


def test_a_command_that_fails_is_named_with_its_last_words(capsys):
    child = preparation.spawn(["nonsense"], servers.environment(DataDirectory(environment.ROOT / ".data"), "", ""))
    with pytest.raises(LaunchError, match="nonsense` failed"):
        preparation.finish(child, "nonsense")
