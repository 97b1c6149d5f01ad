"""How an event log is told, and where bars stand on the line of time."""

from datetime import UTC, datetime, timedelta

from workflows.admin import timeline
from workflows.admin.bars import Row
from workflows.admin.logs import Listed
from workflows.admin.timeline import Scale
from workflows.admin.veil import Veil
from workflows.redaction import Redactor, Secret

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN = Veil(Redactor())
SCALE = Scale(NOON, NOON + timedelta(seconds=100))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def listed(seq: int, type_: str, data: str | None, seconds: float, correlation_id: str = "") -> Listed:
    return Listed(seq, type_, correlation_id, data, len(data or "") or 70_000, at(seconds))


def row(**fields) -> Row:
    made = Row("step", "charge:1", "step:charge:1", 2, **fields)
    made.draw("completed", at(10), at(30), "attempt 1 completed")
    return made


def test_moments_count_from_the_acceptance_and_carry_their_data() -> None:
    events = [listed(1, "created", '{"payload":[1]}', 2), listed(2, "step_failed", "{}", 3, "step:charge:1")]
    first, second = timeline.tell(events, NOON, OPEN)
    assert (first.title, first.after, first.tone) == ("created", 2.0, "calm")
    assert '"payload"' in first.data
    assert (second.title, second.subject, second.tone, second.data) == ("step failed", "step:charge:1", "bad", "")


def test_an_event_of_a_later_version_is_shown_all_the_same() -> None:
    (moment,) = timeline.tell([listed(1, "hook_received", "{}", 0)], NOON, OPEN)
    assert (moment.title, moment.tone) == ("hook received", "calm")


def test_data_that_is_too_long_to_be_read_says_how_long_it_is() -> None:
    (moment,) = timeline.tell([listed(1, "created", None, 0)], NOON, OPEN)
    assert moment.data.startswith("70,000 bytes: more than the 65,536")


def test_a_bar_stands_where_it_was_on_the_line() -> None:
    (line,) = timeline.draw([row()], SCALE, OPEN)
    (bar,) = line.bars
    assert (bar.left, bar.width, bar.goes_on, line.after) == (10, 20, False, 10)
    assert bar.style == "left:10.000%;width:20.000%"


def test_a_bar_that_goes_on_reaches_the_end_and_one_that_is_short_is_seen() -> None:
    made = row()
    made.draw("running", at(40), None, "attempt 2")
    made.draw("emit", at(100), at(100), "emitted")
    (line,) = timeline.draw([made], SCALE, OPEN)
    assert [(bar.left, bar.width, bar.goes_on) for bar in line.bars[1:]] == [(40, 60, True), (99.6, 0.4, False)]


def test_what_is_outside_of_the_line_is_drawn_at_its_edges() -> None:
    (line,) = timeline.draw([row()], Scale(at(20), at(25)), OPEN)
    assert [(bar.left, bar.width) for bar in line.bars] == [(0, 100)]


def test_an_instance_that_took_no_time_has_a_line() -> None:
    assert Scale(NOON, NOON).seconds > 0
    assert [percent for percent, _ in SCALE.ticks] == [0, 25, 50, 75, 100]


def test_errors_are_covered_in_bars_and_beside_them() -> None:
    made = row(error="http_500: no such key sk-very-secret")
    made.draw("failed", at(40), at(50), "attempt 2 failed: sk-very-secret")
    (line,) = timeline.draw([made], SCALE, Veil(Redactor([Secret("sk-very-secret", "KEY")])))
    assert line.error == "http_500: no such key [secret KEY]"
    assert line.bars[1].said == "attempt 2 failed: [secret KEY]"


def test_the_branch_is_named_where_it_changes() -> None:
    rows = [row(), row(branch=("gather:1.0",)), row(branch=("gather:1.0",)), row(branch=("gather:1.1",))]
    assert [line.turn for line in timeline.draw(rows, SCALE, OPEN)] == [False, True, False, True]
