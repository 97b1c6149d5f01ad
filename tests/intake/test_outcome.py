"""The outcomes of a submission as values."""

from typing import get_args
from uuid import UUID

from workflows.intake import outcome, submission


def test_submission_gives_out_every_outcome_under_its_own_name():
    for kind in get_args(outcome.Submission):
        assert getattr(submission, kind.__name__) is kind


def test_what_may_be_sent_again_says_when():
    assert outcome.Unavailable().retry_after_seconds >= 1
    assert outcome.InProgress(UUID(int=1)).retry_after_seconds >= 1
    assert outcome.Throttled("throttled_event_backlog", "no").retry_after_seconds >= 1
    assert outcome.Full("env", 7).retry_after_seconds == 7
