"""How an event log is told."""

from datetime import UTC, datetime, timedelta

from workflows.admin import timeline
from workflows.fence import StoredEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_moments_count_from_the_acceptance_and_carry_their_data() -> None:
    events = [
        StoredEvent(1, "created", "", '{"payload":[1]}', NOON + timedelta(seconds=2)),
        StoredEvent(2, "step_failed", "main/step:charge:1", "{}", NOON + timedelta(seconds=3)),
    ]
    first, second = timeline.tell(events, NOON)
    assert (first.title, first.after, first.tone) == ("created", 2.0, "calm")
    assert '"payload"' in first.data
    assert (second.title, second.subject, second.tone, second.data) == ("step failed", "main/step:charge:1", "bad", "")


def test_an_event_of_a_later_version_is_shown_all_the_same() -> None:
    (moment,) = timeline.tell([StoredEvent(1, "hook_received", "", "{}", NOON)], NOON)
    assert (moment.title, moment.tone) == ("hook received", "calm")


def test_very_long_data_is_cut_and_says_so() -> None:
    shown = timeline.pretty('["' + "x" * 50_000 + '"]')
    assert len(shown) < 21_000
    assert "more characters" in shown
