"""What a failed write says about its cause: by SQLSTATE and exception type, never by text."""

from collections.abc import Iterator
from enum import Enum

import psycopg
from django.db import DataError, InterfaceError, OperationalError
from psycopg_pool import PoolTimeout, TooManyRequests

# Connection, rollback, resources, system; one lock that was not to be had; shut down; a read-only server.
UNAVAILABLE_CLASSES = ("08", "40", "53", "58", "57P0")
UNAVAILABLE_STATES = frozenset({"55P03", "25006"})
# Data, integrity, and what is beyond the server's limits, as JSON nested too deep: the same values fail again.
INVALID_CLASSES = ("22", "23", "54")


class Fault(Enum):
    """Whose fault it is."""

    UNAVAILABLE = "unavailable"
    INVALID = "invalid"
    UNKNOWN = "unknown"


def classify(error: BaseException) -> Fault:
    """Tell an unreachable or refusing database from values it will never take; anything else is unknown."""
    sqlstate = sqlstate_of(error)
    if sqlstate is not None:
        if sqlstate in UNAVAILABLE_STATES or sqlstate.startswith(UNAVAILABLE_CLASSES):
            return Fault.UNAVAILABLE
        return Fault.INVALID if sqlstate.startswith(INVALID_CLASSES) else Fault.UNKNOWN
    if isinstance(error, (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)):
        return Fault.UNAVAILABLE
    if isinstance(error, (PoolTimeout, TooManyRequests)):
        return Fault.UNAVAILABLE
    # Without a SQLSTATE the driver itself refused the values, as for a NUL in text.
    if isinstance(error, (DataError, psycopg.DataError, UnicodeError)):
        return Fault.INVALID
    return Fault.UNKNOWN


def is_away(error: BaseException) -> bool:
    """Tell whether an operational error is one: beyond a limit of the server, the values are at fault."""
    return isinstance(error, (OperationalError, InterfaceError)) and classify(error) is not Fault.INVALID


def wrote_nothing(error: BaseException) -> bool:
    """Tell whether the failure proves that an autocommitted statement left nothing behind: the server refused it."""
    sqlstate = sqlstate_of(error)
    return sqlstate is not None and not sqlstate.startswith(("08", "57P0"))


def sqlstate_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error or of what caused it."""
    return next((state for each in _chain(error) if (state := getattr(each, "sqlstate", None))), None)


def told(error: BaseException) -> str:
    """Say what went wrong without the values it went wrong with: payloads stay out of logs and lists."""
    for each in _chain(error):
        if isinstance(each, psycopg.Error) and each.sqlstate:
            return f"{each.sqlstate}: {each.diag.message_primary or type(each).__name__}"
    return type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
