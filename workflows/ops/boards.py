"""Grafana's boards, from one table of panels."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = 39
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
Query = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `queries` are pairs of an expression and its legend; a `stat` shows its last number alone."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    stat: bool = False
    help: str = ""
    # For a stat: from this number on it is red.
    red_from: float | None = None
    red_below: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        return (4, 4) if self.stat else (12, 8)


@dataclass(frozen=True, slots=True)
class Board:
    """A page of panels; `name` is that of its file."""

    name: str
    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str = "") -> str:
    """Return what happens a second; every process tells the same total, so the largest is it."""
    return f"max by ({by}) (rate({metric}[$__rate_interval]))" if by else f"max(rate({metric}[$__rate_interval]))"


def quantile(share: float, histogram: str) -> str:
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', 'le')})"


def since(metric: str) -> str:
    return f"time() - max({metric} > 0)"


OVERVIEW = Board(
    "overview",
    "Mollifier: overview",
    (
        Panel("Redis", (("min(mollifier_up)", ""),), stat=True, red_below=1, help="1: the buffer can be read."),
        Panel("PostgreSQL", (("min(workflows_up)", ""),), stat=True, red_below=1, help="1: the tables can be read."),
        Panel("Queued", (("mollifier:queued", ""),), stat=True),
        Panel("Oldest entry", (("max(mollifier_buffer_oldest_age_seconds)", ""),), unit="s", stat=True, red_from=300),
        Panel("Dead letters", (('max(mollifier_buffer_entries{state="failed"})', ""),), stat=True, red_from=1),
        Panel("Open storms", (("max(workflows_storms_open)", ""),), stat=True, red_from=1),
        Panel("Decisions of the gate", (("mollifier:decisions:rate5m", "{{outcome}}"),), unit="reqps"),
        Panel("Failed open, share of decisions", (("mollifier:fail_open:ratio5m", "share"),), unit="percentunit"),
        Panel("Buffered, by state", (("max by (state) (mollifier_buffer_entries)", "{{state}}"),)),
        Panel("Unfinished instances", (("max by (status) (workflows_instances)", "{{status}}"),)),
        Panel(
            "From accept to settled",
            ((quantile(0.5, "mollifier_dwell_seconds"), "half"), ("mollifier:dwell_seconds:p99_5m", "99 %")),
            unit="s",
        ),
        Panel("Lag of shards", (("max by (shard) (workflows_shard_lag_seconds)", "shard {{shard}}"),), unit="s"),
        Panel(
            "What each process knows is so old",
            (("workflows_directory_age_seconds", "{{instance}}"),),
            unit="s",
            help="Tenants, keys, flags and definitions.",
        ),
        Panel("Triggers that storms refused", ((rate("workflows_suppressed_total"), "refused"),), unit="reqps"),
    ),
)
DRAIN = Board(
    "drain",
    "Mollifier: gate and drain",
    (
        Panel(
            "Drainer silent for",
            ((since("mollifier_drainer_last_beat_timestamp_seconds"), ""),),
            unit="s",
            stat=True,
            red_from=120,
            help="It leads for a moment each minute even when nothing waits.",
        ),
        Panel(
            "Last claim",
            ((since("mollifier_drainer_last_claim_timestamp_seconds"), ""),),
            unit="s",
            stat=True,
            help="Since a drainer last asked for work; it need not while nothing waits.",
        ),
        Panel(
            "Last sweep",
            ((since("mollifier_sweep_last_cycle_timestamp_seconds"), ""),),
            unit="s",
            stat=True,
            red_from=900,
        ),
        Panel("Stale", (("max(mollifier_stale_entries)", ""),), stat=True, red_from=1),
        Panel("Orphaned ids", (("max(mollifier_orphaned_ids)", ""),), stat=True, red_from=1),
        Panel("Bytes", (("max(mollifier_buffer_bytes)", ""),), unit="bytes", stat=True),
        Panel(
            "Decisions, by reason",
            ((rate("mollifier_gate_decisions_total", "outcome, reason"), "{{outcome}} {{reason}}"),),
            unit="reqps",
        ),
        Panel(
            "Time of the gate's exchange",
            (
                (quantile(0.5, "mollifier_gate_duration_seconds"), "half"),
                ("mollifier:gate_duration_seconds:p99_5m", "99 %"),
            ),
            unit="s",
        ),
        Panel("Reports on claimed entries", (("mollifier:drained:rate5m", "{{outcome}}"),), unit="reqps"),
        Panel(
            "Size of claims",
            (("max(mollifier_drainer_claim_entries)", "entries"),),
            help="It shrinks while batches are slow to write.",
        ),
        Panel(
            "Taken back from expired leases, and ids without an entry",
            ((rate("mollifier_lapsed_total"), "lapsed"), (rate("mollifier_orphaned_total"), "orphaned")),
            unit="reqps",
        ),
        Panel("Shadow counts without room", ((rate("mollifier_tally_dropped_total"), "dropped"),), unit="reqps"),
        Panel("Orgs and environments that stand aside", (("max by (why) (mollifier_parked)", "{{why}}"),)),
        Panel(
            "Counts that the shadow report had no room for",
            ((rate("mollifier_tally_dropped_total"), "dropped"),),
            unit="reqps",
        ),
        Panel(
            "Mirrored entries compared", ((rate("mollifier_mirrored_total", "outcome"), "{{outcome}}"),), unit="reqps"
        ),
    ),
)
ENGINE = Board(
    "engine",
    "Mollifier: engine",
    (
        Panel(
            "Shards without a pump",
            (("count(max by (shard) (workflows_shard_owned) == 0) or vector(0)", ""),),
            stat=True,
            red_from=1,
        ),
        Panel("Largest lag", (("max(workflows_shard_lag_seconds)", ""),), unit="s", stat=True, red_from=60),
        Panel(
            "Outbox, oldest row", (("max(workflows_outbox_oldest_age_seconds)", ""),), unit="s", stat=True, red_from=60
        ),
        Panel(
            "Fence conflicts",
            (("workflows:fence_conflicts:ratio5m", ""),),
            unit="percentunit",
            stat=True,
            red_from=0.05,
        ),
        Panel("Failed steps", (("workflows:steps_failed:ratio5m", ""),), unit="percentunit", stat=True, red_from=0.1),
        Panel("Open storms", (("max(workflows_storms_open)", ""),), stat=True, red_from=1),
        Panel("Due, by shard", (("max by (shard) (workflows_shard_depth)", "shard {{shard}}"),)),
        Panel("Lag, by shard", (("max by (shard) (workflows_shard_lag_seconds)", "shard {{shard}}"),), unit="s"),
        Panel("Appends", (("workflows:appends:rate5m", "{{outcome}}"),), unit="ops"),
        Panel("Fence conflicts", ((rate("workflows_fence_conflicts_total"), "refused"),), unit="ops"),
        Panel("Attempts at steps", (("workflows:steps:rate5m", "{{outcome}}"),), unit="ops"),
        Panel(
            "Deliveries to webhooks",
            ((rate("workflows_webhook_deliveries_total", "outcome"), "{{outcome}}"),),
            unit="ops",
        ),
        Panel("Fires of schedules", ((rate("workflows_schedule_fires_total", "outcome"), "{{outcome}}"),), unit="ops"),
    ),
)
BOARDS = (OVERVIEW, DRAIN, ENGINE)


def text(board: Board) -> str:
    """Return the board as Grafana 11 imports it."""
    return json.dumps(_board(board), indent=2) + "\n"


def _board(board: Board) -> dict[str, Any]:
    return {
        "uid": f"mollifier-{board.name}",
        "title": board.title,
        "tags": ["mollifier"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_variable()]},
        "annotations": {"list": [_alerts_drawn()]},
        "links": [_link()],
        "panels": _panels(board.panels),
    }


def _variable() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "regex": "",
        "options": [],
        "current": {},
    }


def _alerts_drawn() -> dict[str, Any]:
    """Draw a line wherever an alert of ours fires."""
    return {
        "name": "Alerts",
        "datasource": SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"(Mollifier|Workflows).*", alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
        "step": "60s",
    }


def _link() -> dict[str, Any]:
    return {"type": "dashboards", "title": "Mollifier", "tags": ["mollifier"], "asDropdown": False, "keepTime": True}


def _panels(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Place panels from left to right, row by row."""
    placed, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        width, height = panel.size
        if x + width > WIDTH or (x and height != row):
            x, y = 0, y + row
        placed.append(_panel(number, panel, {"x": x, "y": y, "w": width, "h": height}))
        x, row = x + width, height
    return placed


def _panel(number: int, panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _stat_options() if panel.stat else _series_options(),
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expr, "legendFormat": legend, "range": True}
            for index, (expr, legend) in enumerate(panel.queries)
        ],
    }


def _field(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "red" if panel.red_below is not None else "green", "value": None}]
    if panel.red_from is not None:
        steps.append({"color": "red", "value": panel.red_from})
    if panel.red_below is not None:
        steps.append({"color": "green", "value": panel.red_below})
    field: dict[str, Any] = {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if not panel.stat:
        field |= {"min": 0, "custom": {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}}
    return field


def _stat_options() -> dict[str, Any]:
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {"reduceOptions": reduced, "colorMode": "value", "graphMode": "area", "textMode": "value"}


def _series_options() -> dict[str, Any]:
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
