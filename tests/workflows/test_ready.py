import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection, transaction

from workflows import ready

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard():
    """Return what a listener on its own connection hears."""
    parameters = connection.get_connection_params()
    parameters = {name: parameters[name] for name in ("host", "port", "user", "password", "dbname")}
    with psycopg.connect(**parameters, autocommit=True) as listener:
        for shard in range(4):
            listener.execute(f"LISTEN {ready.channel(shard)}")

        def listen(count, timeout=5.0):
            return sorted(note.channel for note in listener.notifies(timeout=timeout, stop_after=count))

        yield listen


@pytest.fixture(autouse=True)
def _nothing_sent(monkeypatch):
    monkeypatch.setattr(ready, "_sent", ready._Sent())


def test_each_shard_is_hinted_at(heard):
    ready.notify([2, 0, 2])
    assert heard(2) == ["workflows_ready_0", "workflows_ready_2"]


def test_a_transaction_holds_the_hint_until_it_commits(heard):
    with transaction.atomic():
        ready.notify([1])
        assert heard(1, timeout=0.05) == []
    assert heard(1) == ["workflows_ready_1"]


def test_hints_at_one_shard_are_coalesced():
    sent = ready._Sent()
    assert sent.due([1, 1], 10.0) == [1]
    assert sent.due([1, 2], 10.004) == [2]
    assert sent.due([1], 10.0051) == [1]


def test_a_hint_that_can_not_be_sent_is_no_error_of_the_caller():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
    connection.connection.close()
    ready.notify([1])
    connection.close()


@pytest.mark.parametrize("kind", [InterfaceError, OperationalError])
def test_no_kind_of_database_error_escapes_after_the_commit(kind):
    def refuse(*_):
        raise kind("connection already closed")

    with connection.execute_wrapper(refuse):
        ready.notify([1])
