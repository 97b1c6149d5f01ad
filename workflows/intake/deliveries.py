"""Send notices to webhooks: one bounded pass at a time, many receivers at once, and no slow one in another's way.

A delivery is taken by a write that holds it for a while, sent, and settled by another write. Who dies between leaves it
held; then it is sent again, with the same webhook-id. One thread takes and settles; the others only send.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from mollifier import backoff, cluster
from workflows import conf, eventlog, notices, signing, webhooks
from workflows.actions import answers
from workflows.cleanup import locks
from workflows.cleanup.locks import LockHeld
from workflows.conf import Conf
from workflows.models import Delivery, Webhook
from workflows.outbound import OutboundFailed, OutboundRefused, Request, Response, ResponseTooLarge
from workflows.outbound import send as send_request
from workflows.webhooks import SecretUnreadable

log = structlog.get_logger(__name__)
LOCK = "send notices"
# Beyond the time of an attempt, until it is taken that whoever made it has died.
HOLD_SECONDS = 20
# How often it looks for more while receivers are slow, and what a pass deletes.
LOOK_SECONDS = 0.25
FORGOTTEN = 5_000
ERROR_LENGTH = 500
GONE = "The receiver answered 410 Gone."
_dice = Random()  # noqa: S311 - spreads retries
_pause = threading.Event()

DUE = """
    FROM workflows_delivery d JOIN workflows_webhook w ON w.id = d.webhook_id AND w.enabled
    WHERE d.next_at <= statement_timestamp() AND (d.held_until IS NULL OR d.held_until <= statement_timestamp())
        AND d.webhook_id NOT IN (
            SELECT busy.webhook_id FROM workflows_delivery busy
            WHERE busy.next_at IS NOT NULL AND busy.held_until > statement_timestamp()
            GROUP BY busy.webhook_id HAVING count(*) >= %(in_flight)s
        )"""
# What is new goes before what failed, so that dead receivers keep nobody waiting.
TAKE = f"""
WITH first AS (
    SELECT d.id {DUE} ORDER BY d.attempts > 0, d.next_at LIMIT 1 FOR UPDATE OF d SKIP LOCKED
)
UPDATE workflows_delivery d SET attempts = d.attempts + 1, last_at = statement_timestamp(),
    held_until = statement_timestamp() + make_interval(secs => %(hold)s)
FROM first WHERE d.id = first.id RETURNING d.id"""  # noqa: S608
ANY = f"SELECT EXISTS (SELECT 1 {DUE})"
FORGET = """
DELETE FROM workflows_delivery WHERE id IN (
    SELECT id FROM workflows_delivery
    WHERE created_at < statement_timestamp() - make_interval(secs => %s) AND give_up_at < statement_timestamp()
    ORDER BY created_at LIMIT %s)
RETURNING id"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of an attempt: delivered, retried later, refused by the guard, or gone, as the receiver says."""

    outcome: str
    status: int | None = None
    error: str = ""
    retry_after_seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """What a pass did: how many deliveries it took, how each ended, and how many old ones it deleted."""

    taken: int = 0
    forgotten: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def send() -> dict[str, Any]:
    """Send what is due; what django-q2 runs each minute, and when there is something new."""
    report = run(cluster.stop_requested)
    return {"taken": report.taken, "forgotten": report.forgotten, "outcomes": dict(report.outcomes)}


def run(stop: Callable[[], bool] = lambda: False) -> Report:
    """Send what is due until nothing is, or the pass is over; leave at once while another pass is at work."""
    limits, report = conf.current(), Report()
    until = time.monotonic() + limits.webhook_pass_seconds
    try:
        while _goes_on(report, limits, until, stop):
            with locks.hold(LOCK, {}):
                _work(report, limits, until, stop)
            # Looked at once more when the lock is let go: who came meanwhile left, trusting this pass.
            if not _any_due(limits):
                break
            _pause.wait(LOOK_SECONDS)
        report.forgotten = len(eventlog.execute(FORGET, (limits.webhook_kept_days * 86_400, FORGOTTEN)))
    except LockHeld:
        return report
    return report


def _goes_on(report: Report, limits: Conf, until: float, stop: Callable[[], bool]) -> bool:
    return report.taken < limits.webhook_pass and time.monotonic() < until and not stop()


def _any_due(limits: Conf) -> bool:
    return bool(eventlog.execute(ANY, {"in_flight": limits.webhook_in_flight})[0][0])


def _work(report: Report, limits: Conf, until: float, stop: Callable[[], bool]) -> None:
    """Keep as many attempts in flight as may be; return when none is and nothing more is taken."""
    with ThreadPoolExecutor(max(1, limits.webhook_threads), "webhooks") as pool:
        flying: dict[Future[Sent], Delivery] = {}
        while True:
            while len(flying) < limits.webhook_threads and _goes_on(report, limits, until, stop):
                delivery = take(limits)
                if delivery is None:
                    break
                report.taken += 1
                flying[pool.submit(_attempt_of(delivery, limits))] = delivery
            if not flying:
                return
            done, _ = wait(flying, LOOK_SECONDS, FIRST_COMPLETED)
            for each in done:
                report.outcomes[settle(flying.pop(each), each.result(), limits)] += 1


def take(limits: Conf) -> Delivery | None:
    """Hold the delivery whose turn it is; None when none is due whose webhook has room, or it was deleted meanwhile."""
    hold = limits.webhook_timeout_seconds + HOLD_SECONDS
    found = eventlog.execute(TAKE, {"in_flight": limits.webhook_in_flight, "hold": hold})
    return Delivery.objects.select_related("webhook").filter(id=found[0][0]).first() if found else None


def _attempt_of(delivery: Delivery, limits: Conf) -> Callable[[], Sent]:
    """Return what another thread does: it has no connection to the database."""
    try:
        secrets = webhooks.reveal(delivery.webhook, datetime.now(UTC))
    except SecretUnreadable as error:
        unreadable = Sent("retrying", error=f"{error.code}: {error}")
        return lambda: unreadable
    url, id_, body = delivery.webhook.url, delivery.event_id, delivery.body.encode()
    return lambda: attempt(url, secrets, id_, body, limits.webhook_timeout_seconds)


def attempt(url: str, secrets: list[str], id_: UUID, body: bytes, timeout_seconds: float) -> Sent:
    """Send a message once, signed now, and judge the answer; never raises."""
    try:
        return _attempt(url, secrets, id_, body, timeout_seconds)
    except Exception as error:
        # One that can't be sent must not end the pass, and so keep all others from being sent.
        log.exception("workflows.notice_faulty", event_id=str(id_))
        return Sent("retrying", error=f"unexpected: {type(error).__name__}")


def _attempt(url: str, secrets: list[str], id_: UUID, body: bytes, timeout_seconds: float) -> Sent:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Mollifier-Webhooks",
        **signing.headers(secrets, str(id_), int(time.time()), body),
    }
    try:
        response = send_request(Request("POST", url, headers, body, timeout_seconds, follow=False))
    except OutboundRefused as error:
        return Sent("refused", error=f"{error.code}: {error}")
    except (OutboundFailed, ResponseTooLarge) as error:
        return Sent("retrying", error=f"{error.code}: {error}")
    return judge(response, datetime.now(UTC))


def judge(response: Response, now: datetime) -> Sent:
    """Say what an answer means: 2xx is delivered, 410 gone for good, all else is tried again."""
    status = response.status
    if 200 <= status < 300:
        return Sent("delivered", status)
    if status == 410:
        return Sent("gone", status, GONE)
    error = "Redirects are not followed." if 300 <= status < 400 else f"The receiver answered {status}."
    return Sent("retrying", status, error, answers.retry_after(response, now) or 0.0)


def settle(delivery: Delivery, sent: Sent, limits: Conf) -> str:
    """Record what came of an attempt, and count it; return the outcome: a last one that failed is given up.

    A delivery that somebody else has taken or changed meanwhile stays as it is.
    """
    now = datetime.now(UTC)
    outcome, values = sent.outcome, _following(delivery, sent, limits, now)
    if outcome == "retrying" and values["next_at"] is None:
        outcome = "given_up"
    with transaction.atomic():
        held = Delivery.objects.filter(id=delivery.id, held_until=delivery.held_until)
        held.update(last_status=sent.status, last_error=sent.error[:ERROR_LENGTH], held_until=None, **values)
        if outcome == "gone":
            _switch_off(delivery.webhook)
        with connection.cursor() as cursor:
            cursor.execute(notices.COUNT, (outcome, 1))
    log.info(
        "workflows.notice_sent",
        delivery_id=str(delivery.id),
        webhook_id=str(delivery.webhook.id),
        type=delivery.type,
        outcome=outcome,
        status=sent.status,
        attempt=delivery.attempts,
    )
    return outcome


def _following(delivery: Delivery, sent: Sent, limits: Conf, now: datetime) -> dict[str, Any]:
    """Return when it is tried again, if it is: the last time is when it is given up."""
    if sent.outcome == "delivered":
        return {"next_at": None, "delivered_at": now}
    if sent.outcome != "retrying" or now >= delivery.give_up_at:
        return {"next_at": None}
    pause = backoff.delay(delivery.attempts, limits.webhook_retry_base_seconds, limits.webhook_retry_cap_seconds, _dice)
    return {"next_at": min(now + timedelta(seconds=max(pause, sent.retry_after_seconds)), delivery.give_up_at)}


def _switch_off(webhook: Webhook) -> None:
    """Stop telling a receiver that is gone, and give up what waits for it; one that was moved meanwhile stays on."""
    row = Webhook.objects.select_for_update(no_key=True).filter(id=webhook.id, url=webhook.url).first()
    if row is None:
        return
    row.enabled, row.disabled_because, row.version = False, GONE, row.version + 1
    row.save(update_fields=["enabled", "disabled_because", "version", "changed_at"])
    Delivery.objects.filter(webhook=row, next_at__isnull=False).update(next_at=None, last_error=GONE)
    log.warning("workflows.webhook_gone", webhook_id=str(webhook.id))
