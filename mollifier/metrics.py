"""The mollifier's metrics: their names, texts and labels, and a collector that reads shared state at scrape time.

Never an org, an environment or an id as a label.
"""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from mollifier import stats, telemetry
from mollifier.errors import BufferUnavailable

DWELL_BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000)
TABLE = {
    "mollifier_up": "Whether the buffer could be read for this scrape.",
    "mollifier_gate_decisions_total": "Decisions of the gate.",
    "mollifier_gate_duration_seconds": "Time of one exchange of the gate, for each decision it brought.",
    "mollifier_buffer_entries": "Buffered entries: queued, delayed, leased, failed; and the copies of those mirrored.",
    "mollifier_buffer_oldest_age_seconds": "How long the oldest queued entry has waited.",
    "mollifier_buffer_bytes": "Bytes charged to the caps.",
    "mollifier_drain_total": "Reports on claimed entries; given_back: by an outage or a stop, at no attempt.",
    "mollifier_dwell_seconds": "Time from accept to settled.",
    "mollifier_drainer_last_claim_timestamp_seconds": "When a drainer last asked for work; 0: never.",
    "mollifier_mirrored_total": "Mirrored entries by what came of comparing them with their rows: equal, differs, "
    "missing, unreadable; skipped when a cap left no room.",
    "mollifier_drainer_last_beat_timestamp_seconds": "When a drainer last said that it leads; 0: never. One leads "
    "only while there is work, and for a moment each minute.",
    "mollifier_stale_entries": "Queued entries that had waited longer than MOLLIFIER_SWEEP_STALE_SECONDS when the "
    "sweep last looked.",
    "mollifier_orphaned_ids": "Ids that the sweep's last cycle found queued without an entry.",
    "mollifier_sweep_last_cycle_timestamp_seconds": "When the sweep last came round; 0: never.",
    "mollifier_drainer_claim_entries": "What the last claim asked for; it shrinks while batches are slow to write.",
    "mollifier_parked": "Orgs and environments whose queued work stands aside: paused, or full (at the in-flight cap).",
    "mollifier_lapsed_total": "Entries taken back from expired leases.",
    "mollifier_orphaned_total": "Ids that were queued without an entry.",
    "mollifier_tally_dropped_total": "Counts of the shadow report that no process had room for.",
}
LABELS = {
    "mollifier_gate_decisions_total": ("outcome", "reason"),
    "mollifier_gate_duration_seconds": ("le",),
    "mollifier_buffer_entries": ("state",),
    "mollifier_drain_total": ("outcome",),
    "mollifier_dwell_seconds": ("le",),
    "mollifier_mirrored_total": ("outcome",),
    "mollifier_parked": ("why",),
}


def collect() -> Iterable[Metric]:
    """Read all metrics; without Redis only mollifier_up, which is 0."""
    try:
        counters = stats.counters()
    except BufferUnavailable:
        return [_gauge("mollifier_up", 0)]
    overview = stats.overview()
    if not overview.available:
        return [_gauge("mollifier_up", 0)]
    return [_gauge("mollifier_up", 1), *_gauges(overview), *_counters(counters), *_histograms(counters)]


def _gauges(overview: stats.Overview) -> Iterable[Metric]:
    entries = GaugeMetricFamily(
        "mollifier_buffer_entries", TABLE["mollifier_buffer_entries"], labels=LABELS["mollifier_buffer_entries"]
    )
    for state in ("queued", "delayed", "leased", "failed", "mirrored"):
        entries.add_metric([state], getattr(overview, state))
    parked = GaugeMetricFamily("mollifier_parked", TABLE["mollifier_parked"], labels=LABELS["mollifier_parked"])
    for why in ("paused", "full"):
        parked.add_metric([why], getattr(overview, why))
    yield entries
    yield parked
    yield _gauge("mollifier_drainer_claim_entries", overview.claim_size)
    yield _gauge("mollifier_buffer_bytes", overview.bytes)
    yield _gauge("mollifier_buffer_oldest_age_seconds", overview.oldest_age_seconds or 0)
    yield _gauge("mollifier_stale_entries", overview.stale)
    yield _gauge("mollifier_orphaned_ids", overview.orphaned)
    for name, moment in (
        ("mollifier_drainer_last_claim_timestamp_seconds", overview.drainer_last_claim_at),
        ("mollifier_drainer_last_beat_timestamp_seconds", overview.drainer_last_beat_at),
        ("mollifier_sweep_last_cycle_timestamp_seconds", overview.sweep_last_cycle_at),
    ):
        yield _gauge(name, moment.timestamp() if moment else 0)


def _counters(counters: Mapping[str, int]) -> Iterable[Metric]:
    decisions = _counter("mollifier_gate_decisions_total")
    drained = _counter("mollifier_drain_total")
    mirrored = _counter("mollifier_mirrored_total")
    for name, count in sorted(counters.items()):
        kind, *labels = name.split(":")
        if kind == "gate":
            decisions.add_metric(labels, count)
        elif kind == "drain":
            drained.add_metric(labels, count)
        elif kind == "mirrored":
            mirrored.add_metric(labels, count)
    yield from (decisions, drained, mirrored)
    for kind in ("lapsed", "orphaned"):
        counted = _counter(f"mollifier_{kind}_total")
        counted.add_metric([], counters.get(kind, 0))
        yield counted
    dropped = _counter("mollifier_tally_dropped_total")
    dropped.add_metric([], counters.get(telemetry.DROPPED, 0))
    yield dropped


def _counter(name: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, TABLE[name], labels=LABELS.get(name, ()))


def _histograms(counters: Mapping[str, int]) -> Iterable[Metric]:
    yield _histogram(
        "mollifier_gate_duration_seconds",
        [(str(bound), counters.get(f"seconds:{bound}", 0)) for bound in telemetry.BOUNDS_SECONDS],
        counters.get("seconds:inf", 0),
        counters.get("seconds:sum_us", 0) / 1_000_000,
    )
    yield _histogram(
        "mollifier_dwell_seconds",
        [(str(bound / 1000), counters.get(f"dwell:{bound}", 0)) for bound in DWELL_BOUNDS_MS],
        counters.get("dwell:inf", 0),
        counters.get("dwell:sum", 0) / 1000,
    )


def _histogram(name: str, counts: Iterable[tuple[str, int]], beyond: int, total: float) -> Metric:
    """Build a histogram from counts of one bucket each; Prometheus wants them summed up."""
    buckets: list[tuple[str, float]] = []
    so_far = 0
    for bound, count in counts:
        so_far += count
        buckets.append((bound, so_far))
    buckets.append(("+Inf", so_far + beyond))
    return HistogramMetricFamily(name, TABLE[name], buckets=buckets, sum_value=total)


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, TABLE[name], value=value)
