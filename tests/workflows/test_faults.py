"""Whose fault a failure is: a table of every class."""

import django.db
import django.db.transaction
import psycopg
import pytest
from psycopg_pool import PoolTimeout

from workflows import faults
from workflows.faults import Fault


def wrapped(sqlstate: str) -> django.db.Error:
    """Return an error as Django raises it: its own class around the driver's, which has the state."""
    cause = psycopg.errors.lookup(sqlstate)()
    error = django.db.OperationalError("text that nobody reads")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("sqlstate", "fault"),
    [
        ("08006", Fault.UNAVAILABLE),
        ("08001", Fault.UNAVAILABLE),
        ("40001", Fault.UNAVAILABLE),
        ("40P01", Fault.UNAVAILABLE),
        ("53300", Fault.UNAVAILABLE),
        ("53100", Fault.UNAVAILABLE),
        ("55P03", Fault.UNAVAILABLE),
        ("57P01", Fault.UNAVAILABLE),
        ("57P03", Fault.UNAVAILABLE),
        ("58030", Fault.UNAVAILABLE),
        ("25006", Fault.UNAVAILABLE),
        ("22P02", Fault.INVALID),
        ("22001", Fault.INVALID),
        ("23514", Fault.INVALID),
        ("57014", Fault.UNKNOWN),
        ("42P01", Fault.UNKNOWN),
        ("25P02", Fault.UNKNOWN),
        ("XX000", Fault.UNKNOWN),
        ("55006", Fault.UNKNOWN),
    ],
)
def test_the_state_decides(sqlstate, fault):
    assert faults.classify(wrapped(sqlstate)) is fault


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (django.db.OperationalError("server closed the connection"), Fault.UNAVAILABLE),
        (django.db.InterfaceError("the connection is closed"), Fault.UNAVAILABLE),
        (psycopg.OperationalError(), Fault.UNAVAILABLE),
        (PoolTimeout(), Fault.UNAVAILABLE),
        (django.db.DataError("NUL"), Fault.INVALID),
        (b"\xff".decode, Fault.INVALID),
        (TypeError(), Fault.UNKNOWN),
        (ZeroDivisionError(), Fault.UNKNOWN),
    ],
)
def test_without_a_state_the_type_decides(error, fault):
    if callable(error):
        with pytest.raises(UnicodeDecodeError) as caught:
            error()
        error = caught.value
    assert faults.classify(error) is fault


def test_only_an_answer_of_the_server_proves_that_nothing_was_written():
    assert faults.wrote_nothing(wrapped("22P02"))
    assert faults.wrote_nothing(wrapped("55P03"))
    assert not faults.wrote_nothing(wrapped("08006"))
    assert not faults.wrote_nothing(wrapped("57P01"))
    assert not faults.wrote_nothing(django.db.OperationalError("gone"))


@pytest.mark.django_db
def test_what_is_told_of_an_error_holds_no_values():
    with pytest.raises(django.db.DataError) as caught, django.db.transaction.atomic():
        django.db.connection.cursor().execute("SELECT %s::json", ["{secret"])
    assert "secret" in str(caught.value)
    assert faults.told(caught.value) == "22P02: invalid input syntax for type json"
    assert faults.told(ValueError("secret")) == "ValueError"
