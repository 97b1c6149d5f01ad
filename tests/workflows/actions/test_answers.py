"""What an answer means for the step."""

from datetime import UTC, datetime

import pytest

from workflows.actions import answers
from workflows.outbound import Response
from workflows.steps import Fatal, Retryable

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def response(status=200, **headers):
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"", "")


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("999999999999", 3_600.0),
        ("9" * 400, 3_600.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 3_600.0),
        ("Fri, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_within_bounds(asked, seconds) -> None:
    assert answers.retry_after(response(retry_after=asked), NOW) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "after"),
    [(429, Retryable, 7), (503, Retryable, 7), (500, Retryable, None), (502, Retryable, None), (404, Fatal, None)],
)
def test_a_status_is_tried_again_or_not(status, kind, after) -> None:
    error = answers.refuse(response(status, retry_after="7"), "said")
    assert isinstance(error, kind)
    assert getattr(error, "after_seconds", None) == after
    assert (error.code, str(error)) == ("http_status", f"answered {status}: said")


def test_busy_without_retry_after_is_left_to_the_back_off() -> None:
    assert answers.refuse(response(429)).after_seconds is None


def test_an_excerpt_is_short_and_of_one_line() -> None:
    assert answers.excerpt(b"a\n\n b\xff" + b"x" * 10_000).startswith("a b\ufffdx")
    assert len(answers.excerpt(b"x" * 10_000)) == 500
