"""The order of rows."""

from datetime import UTC, datetime, timedelta

from workflows.admin.bars import Row, in_branch_order

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(seq: int, name: str, *branch: str) -> Row:
    made = Row("step", name, name, seq, branch)
    made.draw("completed", NOON, NOON + timedelta(seconds=seq), "")
    return made


def test_the_rows_of_a_branch_stand_together_in_the_place_of_their_fork() -> None:
    rows = [
        row(1, "first"),
        row(2, "a1", "gather:1.0"),
        row(3, "b1", "gather:1.1"),
        row(4, "a2", "gather:1.0"),
        row(5, "b-deep", "gather:1.1", "race:1.won"),
        row(6, "b2", "gather:1.1"),
        row(7, "last"),
    ]
    names = [each.name for each in in_branch_order(rows)]
    assert names == ["first", "a1", "a2", "b1", "b-deep", "b2", "last"]


def test_branches_that_end_in_turns_stay_in_the_order_they_began() -> None:
    rows = [row(1, "b", "race:1.b"), row(2, "a", "race:1.a"), row(3, "c", "race:2.a"), row(4, "b2", "race:1.b")]
    assert [each.name for each in in_branch_order(rows)] == ["b", "b2", "a", "c"]


def test_a_row_without_a_bar_is_left_out() -> None:
    assert in_branch_order([Row("wait", "nothing", "wait:nothing:1", 1)]) == []


def test_a_row_took_from_its_first_bar_to_its_last() -> None:
    made = row(3, "charge")
    made.draw("backoff", NOON + timedelta(seconds=3), NOON + timedelta(seconds=5), "")
    assert made.seconds == 5
    made.draw("running", NOON + timedelta(seconds=5), None, "")
    assert made.seconds is None
