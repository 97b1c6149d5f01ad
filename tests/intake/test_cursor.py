"""Cursors are read as they are written, and nothing else is one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from workflows.intake import cursor
from workflows.intake.cursor import Cursor, CursorInvalid

AT, ID = datetime(2026, 11, 21, 10, 15, 30, 120_001, tzinfo=UTC), UUID("019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11")


@pytest.mark.parametrize("seq", [None, 0, 1, 1_795_000_000_000_001])
def test_a_cursor_is_read_as_it_is_written(seq):
    assert cursor.read(str(Cursor(AT, ID, seq))) == Cursor(AT, ID, seq)


@pytest.mark.parametrize("text", ["x", str(ID), f"1-{ID}-", f"-{ID.hex}-0", f"1-{ID.hex}", f"{'f' * 15}-{ID.hex}-0"])
def test_what_is_none_is_refused(text):
    with pytest.raises(CursorInvalid):
        cursor.read(text)
