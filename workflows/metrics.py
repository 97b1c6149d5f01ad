"""The engine's metrics: their names, texts and labels, and reads of its tables at scrape time, by bounded counts.

Never an org, an environment or an id as a label.
"""

from collections.abc import Iterable, Mapping

from django.db import InterfaceError, OperationalError, connection
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from workflows import shards

# Counting stops here; a gauge at this number says "at least".
COUNT_CAP = 100_000
UNFINISHED = ("pending", "running", "waiting", "paused")
TABLE = {
    "workflows_up": "Whether the tables could be read for this scrape.",
    "workflows_instances": f"Unfinished instances, counted up to {COUNT_CAP:,}.",
    "workflows_shard_depth": f"Instances that are due, counted up to {COUNT_CAP:,}.",
    "workflows_shard_lag_seconds": "How long the first of them has been due.",
    "workflows_shard_owned": "Whether a live pump holds the shard.",
    "workflows_appends_total": "Appends that pumps asked for.",
    "workflows_fence_conflicts_total": "Appends refused because the log had moved on.",
    "workflows_steps_total": "Attempts at steps.",
    "workflows_storms_open": "Event storms that are open.",
    "workflows_suppressed_total": "Triggers that event storms refused.",
    "workflows_schedule_fires_total": "Fires of schedules: started, buffered, existing (tried again), skipped, queued "
    "(waits for the instance before), missed, rejected, deferred (tried again later).",
    "workflows_webhook_deliveries_total": "Attempts at deliveries to webhooks: delivered, retrying (failed, tried "
    "again), given_up, refused (by the guard), gone (410); and notices dropped, since too much waited.",
    "workflows_outbox_oldest_age_seconds": "How long the first row of the outbox has waited to be handed on.",
    "workflows_directory_age_seconds": "Since the answering process last saw tenants, keys, flags and definitions "
    "confirmed.",
}
LABELS = {
    "workflows_instances": ("status",),
    "workflows_shard_depth": ("shard",),
    "workflows_shard_lag_seconds": ("shard",),
    "workflows_shard_owned": ("shard",),
    "workflows_appends_total": ("outcome",),
    "workflows_steps_total": ("outcome",),
    "workflows_schedule_fires_total": ("outcome",),
    "workflows_webhook_deliveries_total": ("outcome",),
}

INSTANCES = """
SELECT wanted.status, (
    SELECT count(*) FROM (
        SELECT 1 FROM workflows_instance i WHERE i.status = wanted.status AND i.finished_at IS NULL LIMIT %s
    ) AS counted
) FROM unnest(%s::text[]) AS wanted (status)"""
COUNTS = """
SELECT counted.word, sum(counted.count::bigint)::bigint
FROM workflows_shard s, json_each_text(s.counts) AS counted (word, count) GROUP BY counted.word
UNION ALL SELECT 'fire ' || outcome, total FROM workflows_schedulefires
UNION ALL SELECT 'sent ' || outcome, total FROM workflows_deliverycount
UNION ALL SELECT 'storms open', count(*) FROM workflows_storm WHERE closed_at IS NULL
UNION ALL SELECT 'suppressed', coalesce(sum(suppressed), 0)::bigint FROM workflows_storm
UNION ALL SELECT 'outbox', coalesce(extract(epoch FROM statement_timestamp() - (
    SELECT created_at FROM workflows_outbox ORDER BY id LIMIT 1
)), 0)::bigint"""
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
    instances = GaugeMetricFamily(
        "workflows_instances", TABLE["workflows_instances"], labels=LABELS["workflows_instances"]
    )
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
    outbox = "workflows_outbox_oldest_age_seconds"
    return [
        appends,
        steps,
        fires,
        _counter("workflows_webhook_deliveries_total", deliveries),
        CounterMetricFamily(conflicts, TABLE[conflicts], value=counts.get("conflict", 0)),
        GaugeMetricFamily(storms, TABLE[storms], value=counts["storms open"]),
        CounterMetricFamily(suppressed, TABLE[suppressed], value=counts["suppressed"]),
        GaugeMetricFamily(outbox, TABLE[outbox], value=max(0, counts["outbox"])),
    ]


def _counter(name: str, by_outcome: Mapping[str, int]) -> Metric:
    counter = CounterMetricFamily(name, TABLE[name], labels=LABELS[name])
    for outcome, count in by_outcome.items():
        counter.add_metric([outcome], count)
    return counter


def _shards() -> Iterable[Metric]:
    names = ("workflows_shard_depth", "workflows_shard_lag_seconds", "workflows_shard_owned")
    gauges = [GaugeMetricFamily(name, TABLE[name], labels=LABELS[name]) for name in names]
    for line in shards.read(COUNT_CAP):
        values = (min(line.ready, COUNT_CAP), line.lag_seconds or 0, line.alive)
        for gauge, value in zip(gauges, values, strict=True):
            gauge.add_metric([str(line.index)], value)
    return gauges
