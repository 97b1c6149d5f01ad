import select
import threading
import time

import pytest
from django_redis import get_redis_connection
from redis.exceptions import ReadOnlyError

from mollifier import client, lua
from mollifier.errors import BufferUnavailable

LEAVE = lua.load("leave")


def test_an_exchange_answers_each_command_in_order():
    assert client.exchange([("ECHO", "one"), ("ECHO", "two")], 5) == [b"one", b"two"]


def test_a_refused_command_is_its_own_reply_and_spoils_no_other():
    first, second, third = client.exchange([("ECHO", "1"), ("NONSENSE",), ("ECHO", "3")], 5)
    assert (first, third) == (b"1", b"3")
    assert "NONSENSE" in str(second)
    assert client.exchange([("ECHO", "next")], 5) == [b"next"]


def test_an_exchange_ends_at_its_time_and_its_late_reply_is_nobody_elses():
    client.exchange([("PING",)], 5)
    began = time.monotonic()
    with pytest.raises(BufferUnavailable):
        client.exchange([("BLPOP", "nothing", 20)], 0.05)
    assert time.monotonic() - began < 10
    assert client.exchange([("ECHO", "mine")], 5) == [b"mine"]


def test_a_reply_that_has_arrived_is_read_though_the_time_is_over():
    client.exchange([("PING",)], 5)
    pool = get_redis_connection(client.GATE).connection_pool
    connection = pool.get_connection()
    try:
        connection.send_command("PING")
        select.select([connection._sock], [], [], 5)
        client._deadline.at = 0
        assert connection.read_response() == b"PONG"
    finally:
        pool.release(connection)


def test_a_script_that_redis_does_not_know_is_loaded_on_the_way():
    get_redis_connection("buffer").script_flush()
    assert client.exchange([("ECHO", "1"), LEAVE.command(token="t")], 5) == [b"1", 0]
    get_redis_connection("buffer").script_flush()
    assert client.call(LEAVE.command(token="t")) == 0


def test_a_refused_command_of_a_patient_call_is_an_error():
    with pytest.raises(BufferUnavailable, match="NONSENSE"):
        client.call(("PING",), ("NONSENSE",))


def test_the_breaker_opens_after_so_many_errors_in_a_row():
    breaker = client.Breaker()
    breaker.failed(3)
    breaker.failed(3)
    breaker.succeeded()
    breaker.failed(3)
    breaker.failed(3)
    assert breaker.allows(60)
    breaker.failed(3)
    assert not breaker.allows(60)


def test_one_of_many_tries_when_the_time_is_over():
    breaker = client.Breaker()
    breaker.failed(1)
    time.sleep(0.02)
    allowed = []
    threads = [threading.Thread(target=lambda: allowed.append(breaker.allows(0.02))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert allowed.count(True) >= 1
    breaker.succeeded()
    assert breaker.allows(60)


@pytest.mark.usefixtures("no_redis")
def test_scripts_that_can_not_be_loaded_are_no_error():
    assert client.load_scripts() is False


@pytest.fixture
def demoted():
    """Make the server a replica of nothing, as one is that another took over from."""
    other = get_redis_connection("default")
    other.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    other.execute_command("REPLICAOF", "NO", "ONE")


def connected_as():
    return client.exchange([("CLIENT", "ID")], 5)[0], client.call(("CLIENT", "ID"))


@pytest.fixture
def before():
    return connected_as()


def test_a_server_that_may_not_write_any_more_is_connected_to_anew(before, demoted):
    """Its name may lead to the one that took over; the connections that are there never would."""
    script = LEAVE.command(token="none")
    (refused,) = client.exchange([script], 5)
    assert isinstance(refused, ReadOnlyError)
    with pytest.raises(BufferUnavailable):
        client.call(script)
    assert not set(before) & set(connected_as())
