"""What an answer of another service means for the step: done, tried again, or never."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from workflows import conf
from workflows.outbound import Response
from workflows.steps import Fatal, Retryable

# With Retry-After these say themselves when to come again.
BUSY = frozenset({429, 503})
SHOWN = 500


def refuse(response: Response, said: str = "") -> Fatal | Retryable:
    """Return the error that a status which was not expected amounts to.

    429 and 5xx are tried again, after Retry-After where 429 and 503 give it; all else is Fatal.
    """
    message = f"answered {response.status}" + (f": {said[:SHOWN]}" if said else "")
    if response.status in BUSY:
        return Retryable(message, after=retry_after(response, datetime.now(UTC)), code="http_status")
    if response.status >= 500:
        return Retryable(message, code="http_status")
    return Fatal(message, code="http_status")


def retry_after(response: Response, now: datetime) -> float | None:
    """Return the seconds that Retry-After asks for, at most RETRY_AFTER_MAX_SECONDS; None where it asks nothing."""
    asked = response.headers.get("retry-after", "").strip()
    if asked.isdecimal():
        # A number of any length; as a float it has an end.
        seconds = float(asked)
    else:
        try:
            at = parsedate_to_datetime(asked)
        except (ValueError, TypeError, OverflowError):
            return None
        seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(seconds, 0.0), conf.current().retry_after_max_seconds)


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as text on one line, for an error."""
    return " ".join(body[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN]
