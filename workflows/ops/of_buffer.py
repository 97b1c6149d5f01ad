"""The rules of the gate, the buffer, the drainer and the sweep.

Every process answers a scrape with the same shared numbers, so rules take the largest of them and never add them up.
"""

from workflows.ops.alert import Alert, Record, Severity

DECISIONS = "mollifier_gate_decisions_total"
FAIL_OPEN = f'{DECISIONS}{{outcome="passed",reason="fail_open"}}'
PASSED = f'{DECISIONS}{{outcome="passed",reason="room"}}'
QUEUED = 'mollifier_buffer_entries{state="queued"}'
UNLIKE = 'mollifier_mirrored_total{outcome=~"differs|missing|unreadable"}'
BEAT, CLAIM = "mollifier_drainer_last_beat_timestamp_seconds", "mollifier_drainer_last_claim_timestamp_seconds"

RECORDS = (
    Record("mollifier:queued", f"max({QUEUED})", "Queued entries."),
    Record(
        "mollifier:waiting",
        'sum(max by (state) (mollifier_buffer_entries{state=~"queued|delayed|leased"}))',
        "Entries that a drainer has to do with.",
    ),
    Record(
        "mollifier:decisions:rate5m",
        f"sum by (outcome) (max by (outcome, reason) (rate({DECISIONS}[5m])))",
        "Decisions of the gate a second.",
    ),
    Record(
        "mollifier:fail_open:ratio5m",
        f"sum(max by (outcome, reason) (rate({FAIL_OPEN}[5m]))) / sum(mollifier:decisions:rate5m)",
        "Share of the gate's decisions that Redis did not answer in time.",
    ),
    Record(
        "mollifier:drained:rate5m",
        "max by (outcome) (rate(mollifier_drain_total[5m]))",
        "Reports on claimed entries a second.",
    ),
    Record(
        "mollifier:gate_duration_seconds:p99_5m",
        "histogram_quantile(0.99, max by (le) (rate(mollifier_gate_duration_seconds_bucket[5m])))",
        "Time of the gate's exchanges that 1 in 100 exceeds.",
    ),
    Record(
        "mollifier:dwell_seconds:p99_5m",
        "histogram_quantile(0.99, max by (le) (rate(mollifier_dwell_seconds_bucket[5m])))",
        "Time from accept to settled that 1 in 100 exceeds.",
    ),
)

ALERTS = (
    Alert(
        name="MollifierNotScraped",
        expr="absent(mollifier_up)",
        hold="5m",
        severity=Severity.CRITICAL,
        summary="No process of the service answers a scrape",
        description="No process runs, Prometheus can't reach one, or its key lacks metrics:read. No other alert fires.",
        fires={"up": "1x30"},
        quiet={"mollifier_up": "1x30"},
    ),
    Alert(
        name="MollifierRedisDown",
        expr="max(mollifier_up) == 0",
        hold="1m",
        severity=Severity.CRITICAL,
        summary="Redis can't be read",
        description="The gate fails open: triggers start directly. What is buffered waits until Redis is back.",
        fires={"mollifier_up": "0x30"},
        quiet={"mollifier_up": "1x30"},
    ),
    Alert(
        name="MollifierBufferGrowing",
        expr="mollifier:queued > 1000 and mollifier:queued > 1.1 * (mollifier:queued offset 15m)",
        hold="5m",
        severity=Severity.WARNING,
        summary="The buffer has grown for a quarter of an hour",
        description="More is accepted than drained. At a cap callers get 503.",
        fires={QUEUED: "2000+100x30"},
        quiet={QUEUED: "5000-100x30"},
    ),
    Alert(
        name="MollifierOldestTooOld",
        expr="max(mollifier_buffer_oldest_age_seconds) > 300 unless max(mollifier_parked) > 0",
        hold="2m",
        severity=Severity.WARNING,
        summary="The oldest entry has waited more than five minutes",
        description="Nobody drains, or not fast enough. Silent while an org is paused or at its cap: its entries wait.",
        fires={"mollifier_buffer_oldest_age_seconds": "0+60x30", 'mollifier_parked{why="paused"}': "0x30"},
        quiet={"mollifier_buffer_oldest_age_seconds": "0+60x30", 'mollifier_parked{why="paused"}': "1x30"},
    ),
    Alert(
        name="MollifierStale",
        expr="max(mollifier_stale_entries) > 0",
        hold="5m",
        severity=Severity.WARNING,
        summary="Accepted triggers wait longer than MOLLIFIER_SWEEP_STALE_SECONDS",
        description="The sweep found them in the queue of an environment. Paused ones count too.",
        fires={"mollifier_stale_entries": "3x30"},
        quiet={"mollifier_stale_entries": "0x5 3x2 0x23"},
    ),
    Alert(
        name="MollifierDrainerSilent",
        expr=f"mollifier:waiting > 0 and time() - max({BEAT}) > 60",
        hold="1m",
        severity=Severity.CRITICAL,
        summary="Entries wait and no drainer has reported in for a minute",
        description="Nobody drains. The schedule that starts one each minute does not run either.",
        fires={QUEUED: "5x30", BEAT: "0x30"},
        quiet={QUEUED: "5x30", BEAT: "0+60x30"},
    ),
    Alert(
        name="MollifierClaimsStuck",
        expr=f"mollifier:queued > 0 and time() - max({CLAIM}) > 120 and time() - max({BEAT}) <= 60",
        hold="2m",
        severity=Severity.CRITICAL,
        summary="A drainer leads, but has taken nothing for two minutes",
        description="Its claims are all in work: the database is slow or locked.",
        fires={QUEUED: "5x30", BEAT: "0+60x30", CLAIM: "0x30"},
        quiet={QUEUED: "5x30", BEAT: "0+60x30", CLAIM: "0+60x30"},
    ),
    Alert(
        name="MollifierSweepSilent",
        expr="time() - max(mollifier_sweep_last_cycle_timestamp_seconds) > 900",
        hold="5m",
        severity=Severity.WARNING,
        summary="The sweep has not come round for a quarter of an hour",
        description="Stale entries and orphaned ids are no longer looked for, so their numbers say nothing.",
        fires={"mollifier_sweep_last_cycle_timestamp_seconds": "0x30"},
        quiet={"mollifier_sweep_last_cycle_timestamp_seconds": "0+60x30"},
    ),
    Alert(
        name="MollifierFailOpen",
        expr="mollifier:fail_open:ratio5m > 0.01",
        hold="5m",
        severity=Severity.WARNING,
        summary="More than 1 % of triggers pass the gate unasked",
        description="Redis does not answer in time, so they start directly: bursts reach the engine unsmoothed.",
        fires={FAIL_OPEN: "0+60x30", PASSED: "0+600x30"},
        quiet={FAIL_OPEN: "0+1x30", PASSED: "0+600x30"},
    ),
    Alert(
        name="MollifierBufferFull",
        expr='mollifier:decisions:rate5m{outcome="full"} > 0',
        hold="1m",
        severity=Severity.CRITICAL,
        summary="A cap of the buffer is reached: callers get 503",
        description="The cap of an environment, of an org, or of everybody, in entries or in bytes.",
        labels={"outcome": "full"},
        fires={f'{DECISIONS}{{outcome="full",reason="env"}}': "0+10x30"},
        quiet={f'{DECISIONS}{{outcome="full",reason="env"}}': "10x30"},
    ),
    Alert(
        name="MollifierDeadLetters",
        expr='max(mollifier_buffer_entries{state="failed"}) > 0',
        hold="1m",
        severity=Severity.WARNING,
        summary="Entries could not even be written as failures",
        description="They stay as they are, with their errors, until they are redriven or discarded.",
        fires={'mollifier_buffer_entries{state="failed"}': "1x30"},
        quiet={'mollifier_buffer_entries{state="failed"}': "0x30", QUEUED: "9x30"},
    ),
    Alert(
        name="MollifierOrphans",
        expr="max(mollifier_orphaned_ids) > 0",
        hold="10m",
        severity=Severity.CRITICAL,
        summary="Ids are queued whose entries are gone",
        description="Something removed keys from Redis: it evicted, somebody deleted, or it restarted on an old file.",
        fires={"mollifier_orphaned_ids": "2x30"},
        quiet={"mollifier_orphaned_ids": "0x30"},
    ),
    Alert(
        name="MollifierLeasesLapse",
        expr="max(increase(mollifier_lapsed_total[15m])) > 500",
        hold="5m",
        severity=Severity.WARNING,
        summary="Drainers lose what they have claimed",
        description="Leases end before their entries are settled: drainers die, or batches take longer than the lease.",
        fires={"mollifier_lapsed_total": "0+100x30"},
        quiet={"mollifier_lapsed_total": "0+10x30"},
    ),
    Alert(
        name="MollifierGateSlow",
        expr="mollifier:gate_duration_seconds:p99_5m > 0.02",
        hold="10m",
        severity=Severity.WARNING,
        summary="1 in 100 decisions of the gate takes more than 20 ms",
        description="At MOLLIFIER_EXCHANGE_TIMEOUT_MS the gate stops waiting and fails open.",
        fires={
            'mollifier_gate_duration_seconds_bucket{le="0.02"}': "0+50x30",
            'mollifier_gate_duration_seconds_bucket{le="0.05"}': "0+60x30",
            'mollifier_gate_duration_seconds_bucket{le="+Inf"}': "0+60x30",
        },
        quiet={
            'mollifier_gate_duration_seconds_bucket{le="0.005"}': "0+60x30",
            'mollifier_gate_duration_seconds_bucket{le="+Inf"}': "0+60x30",
        },
    ),
    Alert(
        name="MollifierMirrorDiffers",
        expr=f"sum(max by (outcome) (increase({UNLIKE}[15m]))) > 0",
        hold="1m",
        severity=Severity.WARNING,
        summary="Mirrored entries are not what was started",
        description="Turning the org on would start something else than today. Keep it at mirror.",
        fires={'mollifier_mirrored_total{outcome="differs"}': "0+1x30"},
        quiet={'mollifier_mirrored_total{outcome="equal"}': "0+9x30"},
    ),
    Alert(
        name="MollifierPausedWork",
        expr='max(mollifier_parked{why="paused"}) > 0',
        hold="1h",
        severity=Severity.INFO,
        summary="A paused org has had work waiting for an hour",
        description="Nothing of it starts until somebody resumes it.",
        fires={'mollifier_parked{why="paused"}': "1x90"},
        quiet={'mollifier_parked{why="full"}': "1x90", 'mollifier_parked{why="paused"}': "0x90"},
    ),
)
