"""Whose fault a failure is: a table of every class."""

import django.db
import django.db.transaction
import psycopg
import pytest
from psycopg_pool import PoolTimeout, TooManyRequests

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


# Every class of SQLSTATE that the driver knows, and what a state of it says.
UNAVAILABLE, INVALID = {"08", "40", "53", "58"}, {"22", "23", "54"}
DIFFERENT = ["55P03", "25006", "57P01", "57P02", "57P03", "57P04", "57P05"]
STATES = sorted(
    each.sqlstate
    for each in vars(psycopg.errors).values()
    if isinstance(each, type) and isinstance(getattr(each, "sqlstate", None), str)
)


def test_every_class_is_looked_at():
    assert len(STATES) > 200
    assert {"08", "22", "23", "25", "40", "42", "53", "54", "55", "57", "58", "XX"} <= {state[:2] for state in STATES}


@pytest.mark.parametrize("class_", sorted({state[:2] for state in STATES}))
def test_the_class_decides_but_for_a_few_states(class_):
    fault = Fault.UNAVAILABLE if class_ in UNAVAILABLE else Fault.INVALID if class_ in INVALID else Fault.UNKNOWN
    alike = [state for state in STATES if state[:2] == class_ and state not in DIFFERENT]
    assert {faults.classify(wrapped(state)) for state in alike} <= {fault}


@pytest.mark.parametrize("sqlstate", DIFFERENT)
def test_states_that_differ_from_their_class_are_the_databases(sqlstate):
    assert faults.classify(wrapped(sqlstate)) is Fault.UNAVAILABLE


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (django.db.OperationalError("server closed the connection"), Fault.UNAVAILABLE),
        (django.db.InterfaceError("the connection is closed"), Fault.UNAVAILABLE),
        (psycopg.OperationalError(), Fault.UNAVAILABLE),
        (PoolTimeout(), Fault.UNAVAILABLE),
        (TooManyRequests(), Fault.UNAVAILABLE),
        (psycopg.InterfaceError(), Fault.UNAVAILABLE),
        (psycopg.DataError(), Fault.INVALID),
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


def test_what_is_beyond_a_limit_of_the_server_is_no_sign_that_it_is_away():
    assert [faults.is_away(wrapped(state)) for state in ("54001", "08006", "57014")] == [False, True, True]
    assert not faults.is_away(django.db.DataError("NUL"))


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
