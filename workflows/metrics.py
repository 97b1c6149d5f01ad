"""The engine's metrics: their names, and gauges read from its tables at scrape time, by bounded counts.

Never an org, an environment or an id as a label.
"""

from collections.abc import Iterable, Mapping

from django.db import InterfaceError, OperationalError, connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from workflows import conf

# Counting stops here; a gauge at this number says "at least".
COUNT_CAP = 100_000
UNFINISHED = ("pending", "running", "waiting", "paused")
TABLE = {
    "workflows_up": "Whether the tables could be read for this scrape.",
    "workflows_instances": f"Unfinished instances by status, counted up to {COUNT_CAP}.",
    "workflows_shard_depth": f"Instances that are due, by shard, counted up to {COUNT_CAP}.",
    "workflows_shard_lag_seconds": "How long the first of them has been due.",
    "workflows_shard_owned": "Whether a live pump holds the shard.",
    "workflows_appends_total": "Appends that pumps asked for, by outcome.",
    "workflows_fence_conflicts_total": "Appends refused because the log had moved on.",
    "workflows_steps_total": "Attempts at steps, by outcome.",
    "workflows_storms_open": "Event storms that are open.",
    "workflows_suppressed_total": "Triggers that event storms refused.",
    "workflows_schedule_fires_total": "Fires of schedules, by outcome.",
    "workflows_webhook_deliveries_total": "Attempts at deliveries to webhooks, by outcome.",
    "workflows_directory_age_seconds": "Since this process last saw tenants, keys, flags and definitions confirmed.",
}

INSTANCES = """
SELECT wanted.status, (
    SELECT count(*) FROM (
        SELECT 1 FROM workflows_instance i WHERE i.status = wanted.status AND i.finished_at IS NULL LIMIT %s
    ) AS counted
) FROM unnest(%s::text[]) AS wanted (status)"""
# What is due of a shard, first of all; of shard 0 also what has an index that is no shard.
DUE = """
    (SELECT i.wake_at FROM workflows_instance i
     WHERE i.shard = s.index AND i.wake_at <= statement_timestamp() ORDER BY i.wake_at LIMIT %(cap)s)
    UNION ALL
    (SELECT i.wake_at FROM workflows_instance i
     WHERE s.index = 0 AND i.shard < 0 AND i.wake_at <= statement_timestamp() LIMIT %(cap)s)
    UNION ALL
    (SELECT i.wake_at FROM workflows_instance i
     WHERE s.index = 0 AND i.shard >= %(shards)s AND i.wake_at <= statement_timestamp() LIMIT %(cap)s)"""
SHARDS = f"""
SELECT s.index::text, least(due.total, %(cap)s),
    coalesce(extract(epoch FROM statement_timestamp() - due.first), 0)::float,
    coalesce(s.deadline > statement_timestamp(), false)
FROM workflows_shard s
CROSS JOIN LATERAL (SELECT count(*) AS total, min(wake_at) AS first FROM ({DUE}) AS heads) AS due
WHERE s.index < %(shards)s ORDER BY s.index"""  # noqa: S608
COUNTS = """
SELECT counted.word, sum(counted.count::bigint)::bigint
FROM workflows_shard s, json_each_text(s.counts) AS counted (word, count) GROUP BY counted.word
UNION ALL SELECT 'fire ' || outcome, total FROM workflows_schedulefires
UNION ALL SELECT 'sent ' || outcome, total FROM workflows_deliverycount
UNION ALL SELECT 'storms open', count(*) FROM workflows_storm WHERE closed_at IS NULL
UNION ALL SELECT 'suppressed', coalesce(sum(suppressed), 0)::bigint FROM workflows_storm"""
OF_APPENDS = ("appended", "conflict", "lost_ownership", "finished", "log_full", "missing", "faulty")
OF_FIRES = ("started", "buffered", "existing", "skipped", "queued", "missed", "rejected", "deferred")
OF_DELIVERIES = ("delivered", "retrying", "given_up", "refused", "gone", "dropped")
OF_STEPS = {"step_completed": "completed", "step_failed": "failed", "step_retrying": "retrying"}


def collect() -> Iterable[Metric]:
    """Read all metrics; without a database only workflows_up, which is 0."""
    try:
        metrics = [*_instances(), *_shards(), *_counters()]
    except (OperationalError, InterfaceError):
        return [GaugeMetricFamily("workflows_up", TABLE["workflows_up"], value=0)]
    return [GaugeMetricFamily("workflows_up", TABLE["workflows_up"], value=1), *metrics]


def directory_age(seconds: float) -> Metric:
    """Return the one gauge that is of the answering process."""
    name = "workflows_directory_age_seconds"
    return GaugeMetricFamily(name, TABLE[name], value=seconds)


def _instances() -> Iterable[Metric]:
    instances = GaugeMetricFamily("workflows_instances", TABLE["workflows_instances"], labels=["status"])
    with connection.cursor() as cursor:
        cursor.execute(INSTANCES, [COUNT_CAP, list(UNFINISHED)])
        for status, count in cursor.fetchall():
            instances.add_metric([status], count)
    return [instances]


def _counters() -> Iterable[Metric]:
    """Return what all pumps and passes did since ever; each pump tells it with its heartbeat."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        counts: dict[str, int] = dict(cursor.fetchall())
    appends = _counter("workflows_appends_total", {word: counts.get(word, 0) for word in OF_APPENDS})
    steps = _counter("workflows_steps_total", {shown: counts.get(word, 0) for word, shown in OF_STEPS.items()})
    fires = _counter("workflows_schedule_fires_total", {word: counts.get(f"fire {word}", 0) for word in OF_FIRES})
    deliveries = {word: counts.get(f"sent {word}", 0) for word in OF_DELIVERIES}
    conflicts = "workflows_fence_conflicts_total"
    storms, suppressed = "workflows_storms_open", "workflows_suppressed_total"
    return [
        appends,
        steps,
        fires,
        _counter("workflows_webhook_deliveries_total", deliveries),
        CounterMetricFamily(conflicts, TABLE[conflicts], value=counts.get("conflict", 0)),
        GaugeMetricFamily(storms, TABLE[storms], value=counts["storms open"]),
        CounterMetricFamily(suppressed, TABLE[suppressed], value=counts["suppressed"]),
    ]


def _counter(name: str, by_outcome: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily(name, TABLE[name], labels=["outcome"])
    for outcome, count in by_outcome.items():
        counter.add_metric([outcome], count)
    return counter


def _shards() -> Iterable[Metric]:
    names = ("workflows_shard_depth", "workflows_shard_lag_seconds", "workflows_shard_owned")
    gauges = [GaugeMetricFamily(name, TABLE[name], labels=["shard"]) for name in names]
    with connection.cursor() as cursor:
        cursor.execute(SHARDS, {"cap": COUNT_CAP, "shards": conf.current().shards})
        for shard, *values in cursor.fetchall():
            for gauge, value in zip(gauges, values, strict=True):
                gauge.add_metric([shard], value)
    return gauges
