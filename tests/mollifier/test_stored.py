from datetime import UTC, datetime
from uuid import uuid4

import pytest

from mollifier import stored
from mollifier.decision import Mode, Reason, Scope
from mollifier.entry import State
from mollifier.errors import EntryUnreadable

ID = uuid4()
TEXT = b"1 - 131 acme/production 1700000000000001 on backlog\n\x00\xff\n any bytes"


def test_a_header_and_what_stands_beside_it_are_read():
    side = {b"a": b"2", b"k": b"1", b"v": b"3", b"c": b"enough", b"d": b"\x01", b"e": b"no", b"f": b"1700000000000000"}
    entry = stored.parse(ID, State.LEASED, TEXT, side)
    assert (entry.id, entry.scope, entry.seq) == (ID, Scope("acme", "production"), 1_700_000_000_000_001)
    assert (entry.mode, entry.reason, entry.state) == (Mode.ON, Reason.BACKLOG, State.LEASED)
    assert entry.snapshot == b"\x00\xff\n any bytes"
    assert entry.accepted_at == datetime(2023, 11, 14, 22, 13, 20, 1, UTC)
    assert (entry.attempts, entry.lapses, entry.patch_version, entry.patch) == (2, 1, 3, b"\x01")
    assert (entry.cancel_reason, entry.error) == ("enough", "no")
    assert entry.first_failed_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        b"no line end",
        b"2 - 131 acme/production 17 on backlog\nx",
        b"1 - 131 acme/production 17 on\nx",
        b"1 - 131 acme 17 on backlog\nx",
        b"1 - 131 acme/production soon on backlog\nx",
        b"1 - 131 acme/production 17 loud backlog\nx",
        b"1 - 131 acme/production 99999999999999999999 on backlog\nx",
        b"1 - 131 acme/production 17 on because\nx",
        b"1 - 131 acme/\xff 17 on backlog\nx",
    ],
)
def test_what_is_in_no_known_form_is_unreadable(text):
    with pytest.raises(EntryUnreadable):
        stored.parse(ID, State.QUEUED, text, None)
