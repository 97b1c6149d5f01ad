"""The rules of the engine: shards, log, steps, storms, schedules, outbox, and what each process knows."""

from workflows.ops.alert import Alert, Record, Severity

APPENDS, STEPS, FIRES = "workflows_appends_total", "workflows_steps_total", "workflows_schedule_fires_total"
DELIVERIES = "workflows_webhook_deliveries_total"
CONFLICTS = "workflows_fence_conflicts_total"
LAG, OWNED = "workflows_shard_lag_seconds", "workflows_shard_owned"
OUTBOX, DIRECTORY = "workflows_outbox_oldest_age_seconds", "workflows_directory_age_seconds"

RECORDS = (
    Record(
        "workflows:appends:rate5m", f"max by (outcome) (rate({APPENDS}[5m]))", "Appends that pumps asked for a second."
    ),
    Record(
        "workflows:fence_conflicts:ratio5m",
        f"max(rate({CONFLICTS}[5m])) / sum(workflows:appends:rate5m)",
        "Share of appends that the fence refused.",
    ),
    Record("workflows:steps:rate5m", f"max by (outcome) (rate({STEPS}[5m]))", "Attempts at steps a second."),
    Record(
        "workflows:steps_failed:ratio5m",
        'sum(workflows:steps:rate5m{outcome="failed"}) / sum(workflows:steps:rate5m)',
        "Share of attempts at steps that failed for good.",
    ),
)

ALERTS = (
    Alert(
        name="WorkflowsDatabaseDown",
        expr="max(workflows_up) == 0",
        hold="1m",
        severity=Severity.CRITICAL,
        summary="PostgreSQL can't be read",
        description="Nothing runs. Orgs that are on have their triggers buffered, the others get 503.",
        fires={"workflows_up": "0x30"},
        quiet={"workflows_up": "1x30"},
    ),
    Alert(
        name="WorkflowsShardUnowned",
        expr=f"max by (shard) ({OWNED}) == 0",
        hold="2m",
        severity=Severity.CRITICAL,
        summary="Shard {{ $labels.shard }} has no pump",
        description="Instances of shard {{ $labels.shard }} do not run until a pump takes it.",
        labels={"shard": "2"},
        fires={f'{OWNED}{{shard="1"}}': "1x30", f'{OWNED}{{shard="2"}}': "0x30"},
        quiet={f'{OWNED}{{shard="1"}}': "1x30", f'{OWNED}{{shard="2"}}': "1x5 0x1 1x24"},
    ),
    Alert(
        name="WorkflowsShardLag",
        expr=f"max by (shard) ({LAG}) > 60",
        hold="5m",
        severity=Severity.WARNING,
        summary="Shard {{ $labels.shard }} is more than a minute behind",
        description="More is due on shard {{ $labels.shard }} than its pump runs, or it is paused.",
        labels={"shard": "1"},
        fires={f'{LAG}{{shard="0"}}': "0x30", f'{LAG}{{shard="1"}}': "0+60x30"},
        quiet={f'{LAG}{{shard="1"}}': "30x30"},
    ),
    Alert(
        name="WorkflowsFenceConflicts",
        expr=f"workflows:fence_conflicts:ratio5m > 0.05 and on () max(rate({CONFLICTS}[5m])) > 0.2",
        hold="10m",
        severity=Severity.WARNING,
        summary="More than 5 % of appends are refused at the fence",
        description="No log is harmed, but turns run again: something outside keeps writing to the same instances.",
        fires={CONFLICTS: "0+60x30", f'{APPENDS}{{outcome="appended"}}': "0+600x30"},
        quiet={CONFLICTS: "0+6x30", f'{APPENDS}{{outcome="appended"}}': "0+600x30"},
    ),
    Alert(
        name="WorkflowsAppendsFailing",
        expr='sum(workflows:appends:rate5m{outcome=~"faulty|missing|log_full"}) > 0',
        hold="5m",
        severity=Severity.WARNING,
        summary="Appends fail on what they hold",
        description="The database refuses the data, the row is gone, or a log is at its cap. Those instances fail.",
        fires={f'{APPENDS}{{outcome="log_full"}}': "0+1x30"},
        quiet={f'{APPENDS}{{outcome="appended"}}': "0+9x30", f'{APPENDS}{{outcome="log_full"}}': "7x30"},
    ),
    Alert(
        name="WorkflowsOwnershipLost",
        expr=f'max(increase({APPENDS}{{outcome="lost_ownership"}}[15m])) > 10',
        hold="5m",
        severity=Severity.WARNING,
        summary="Pumps lose their shards while they write",
        description="A pump is stalled longer than WORKFLOWS_LEASE_MS, and another one takes over. No log is harmed.",
        fires={f'{APPENDS}{{outcome="lost_ownership"}}': "0+2x30"},
        quiet={f'{APPENDS}{{outcome="lost_ownership"}}': "0x5 3x25"},
    ),
    Alert(
        name="WorkflowsStepsFailing",
        expr="workflows:steps_failed:ratio5m > 0.1 and on () sum(workflows:steps:rate5m) > 0.1",
        hold="10m",
        severity=Severity.WARNING,
        summary="More than 10 % of attempts at steps fail for good",
        description="Something that steps call is away or refuses them. Retries that may still succeed don't count.",
        fires={f'{STEPS}{{outcome="failed"}}': "0+30x30", f'{STEPS}{{outcome="completed"}}': "0+90x30"},
        quiet={f'{STEPS}{{outcome="failed"}}': "0+3x30", f'{STEPS}{{outcome="completed"}}': "0+90x30"},
    ),
    Alert(
        name="WorkflowsStormOpen",
        expr="max(workflows_storms_open) > 0",
        hold="1m",
        severity=Severity.WARNING,
        summary="An event storm is open",
        description="Events start more instances of one definition than end; what is over the limit is refused.",
        fires={"workflows_storms_open": "1x30"},
        quiet={"workflows_storms_open": "0x30"},
    ),
    Alert(
        name="WorkflowsSchedulesNotFired",
        expr=f'sum(max by (outcome) (increase({FIRES}{{outcome=~"missed|rejected"}}[30m]))) > 0',
        hold="1m",
        severity=Severity.WARNING,
        summary="Schedules missed a fire, or were refused one",
        description="The passes that fire them did not run in time, or their definitions can't run.",
        fires={f'{FIRES}{{outcome="missed"}}': "0x5 2x25"},
        quiet={f'{FIRES}{{outcome="missed"}}': "2x30", f'{FIRES}{{outcome="started"}}': "0+5x30"},
    ),
    Alert(
        name="WorkflowsWebhooksFailing",
        expr=f'sum(max by (outcome) (increase({DELIVERIES}{{outcome=~"given_up|refused|gone|dropped"}}[1h]))) > 0',
        hold="1m",
        severity=Severity.WARNING,
        summary="Deliveries to webhooks were given up",
        description="A receiver was away too long, is gone, or may not be reached; or too much waited for it.",
        fires={f'{DELIVERIES}{{outcome="given_up"}}': "0x5 2x25"},
        quiet={f'{DELIVERIES}{{outcome="given_up"}}': "2x30", f'{DELIVERIES}{{outcome="retrying"}}': "0+5x30"},
    ),
    Alert(
        name="WorkflowsOutboxOld",
        expr=f"max({OUTBOX}) > 60",
        hold="5m",
        severity=Severity.WARNING,
        summary="What instances tell the outside has waited for minutes",
        description="Parents wait for the ends of their children, and emitted events start nothing meanwhile.",
        fires={OUTBOX: "0+60x30"},
        quiet={OUTBOX: "5x30"},
    ),
    Alert(
        name="WorkflowsDirectoryStale",
        expr=f"{DIRECTORY} > 60",
        hold="1m",
        severity=Severity.WARNING,
        summary="{{ $labels.instance }} works with old flags and keys",
        description="{{ $labels.instance }} could not refresh what it knows of tenants. It serves that for "
        "WORKFLOWS_SNAPSHOT_MAX_AGE_SECONDS, then nothing.",
        labels={"instance": "web-1"},
        fires={f'{DIRECTORY}{{instance="web-1"}}': "0+60x30", f'{DIRECTORY}{{instance="web-2"}}': "1x30"},
        quiet={f'{DIRECTORY}{{instance="web-1"}}': "1x30", f'{DIRECTORY}{{instance="web-2"}}': "2x30"},
    ),
)
