"""What those who asked for it are told of: each notice is written for every webhook that wants it, where it happens.

`tell` writes in the caller's transaction, so a notice is as true as what it tells of. After the commit a pass is woken
that sends (`workflows/intake/deliveries.py`); who dies before that leaves rows for the next pass.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.db import connection, transaction
from django_q.tasks import async_task
from uuid_utils.compat import uuid7

from workflows import conf

log = structlog.get_logger(__name__)
SEND = "workflows.intake.deliveries.send"


class Notice(StrEnum):
    """What there is to tell; docs/webhooks.md has the body of each."""

    STORM_OPENED = "storm.opened"
    STORM_CLOSED = "storm.closed"
    ROLLOUT_CHANGED = "rollout.changed"
    BUFFER_STALE = "buffer.stale"
    BUFFER_RECOVERED = "buffer.recovered"
    GATE_TRIPPED = "gate.tripped"
    GATE_RECOVERED = "gate.recovered"
    PING = "ping"


# Of the whole service, not of one org; only a webhook without an org hears them.
OF_SERVICE = frozenset(
    {Notice.BUFFER_STALE, Notice.BUFFER_RECOVERED, Notice.GATE_TRIPPED, Notice.GATE_RECOVERED},
)
# What a webhook may ask for; a ping comes by hand.
WANTED = tuple(notice for notice in Notice if notice is not Notice.PING)

# One statement: who wants it, how much waits for each already, and a row for those that have room.
TELL = """
WITH wanted AS (
    SELECT w.id, (
        SELECT count(*) FROM (
            SELECT 1 FROM workflows_delivery d WHERE d.webhook_id = w.id AND d.next_at IS NOT NULL
            LIMIT %(max_waiting)s
        ) AS counted
    ) < %(max_waiting)s AS room
    FROM workflows_webhook w
    WHERE CASE WHEN %(only)s::uuid IS NULL
        THEN w.enabled AND %(type)s = ANY(w.types) AND (w.org_id IS NULL OR w.org_id = %(org_id)s::uuid)
        ELSE w.id = %(only)s::uuid END
), told AS (
    INSERT INTO workflows_delivery (id, webhook_id, event_id, type, body, attempts, next_at, give_up_at, last_error,
        created_at)
    SELECT gen_random_uuid(), id, %(event_id)s::uuid, %(type)s, %(body)s, 0, statement_timestamp(),
        statement_timestamp() + make_interval(secs => %(give_up)s), '', statement_timestamp()
    FROM wanted WHERE room
    RETURNING 1
)
SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM wanted WHERE NOT room)"""
COUNT = """
INSERT INTO workflows_deliverycount AS c (outcome, total) VALUES (%s, %s)
ON CONFLICT (outcome) DO UPDATE SET total = c.total + excluded.total"""


def tell(type_: Notice, org_id: UUID | None, data: Mapping[str, Any], *, only: UUID | None = None) -> int:
    """Write a notice for every webhook that wants it, or for the one named, and return for how many.

    A webhook for which WEBHOOK_MAX_WAITING wait already is left out, which is counted as dropped.
    """
    limits = conf.current()
    event_id, at = uuid7(), datetime.now(UTC)
    values = {
        "event_id": event_id,
        "type": type_.value,
        "org_id": org_id,
        "only": only,
        "body": body_of(type_, at, data),
        "give_up": limits.webhook_give_up_seconds,
        "max_waiting": limits.webhook_max_waiting,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TELL, values)
        told, dropped = cursor.fetchone()
        if dropped:
            cursor.execute(COUNT, ("dropped", dropped))
            log.warning("workflows.notice_dropped", type=type_.value, count=dropped)
        if told:
            transaction.on_commit(wake)
    return int(told)


def body_of(type_: Notice, at: datetime, data: Mapping[str, Any]) -> str:
    """Return what is sent: the same bytes at every attempt."""
    return msgspec.json.encode({"type": type_.value, "timestamp": at, "data": dict(data)}).decode()


def wake() -> bool:
    """Ask the cluster to send; False when the queue can't be reached, then the next minute's pass does."""
    try:
        async_task(SEND)
    except Exception as error:  # noqa: BLE001 - brokers raise what they like
        log.warning("workflows.notice_wake_failed", error=str(error))
        return False
    return True
