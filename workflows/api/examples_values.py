"""What the examples of the API show of flags, definitions, schedules and bindings."""

from typing import Any

ID = "019aa5a0-7c1e-7e42-b4f5-0a4f7a5d3c11"
OTHER_ID = "019aa5a0-7c1f-7000-8123-9d2c6b1e4f20"
AT = "2026-11-21T10:15:30.120000Z"
PLACE = "660c6a3eaa940-019aa5a07c1e7e42b4f50a4f7a5d3c11-660c6a3eab0d2"

FLAGS = {
    "org": "acme",
    "mode": "on",
    "percent": 100,
    "limit": 50,
    "window_ms": 1000,
    "hold_ms": None,
    "org_limit": None,
    "org_window_ms": None,
    "weight": 2.0,
    "paused": False,
    "version": 7,
}
SCHEDULE: dict[str, Any] = {
    "id": OTHER_ID,
    "definition": "noop",
    "cron": "30 2 * * *",
    "timezone": "Europe/Lisbon",
    "payload": {"report": "daily"},
    "overlap": "queue",
    "catch_up": "last",
    "enabled": True,
    "next_at": "2026-11-22T02:30:00Z",
    "queued_at": None,
    "last_at": None,
    "last_outcome": None,
    "last_detail": "",
    "last_instance": None,
    "created_at": AT,
}
WELCOME = {
    "steps": {
        "start": {"type": "trigger", "next": {"success": "greet"}},
        "greet": {
            "type": "action",
            "action": "set_variables",
            "arguments": {"greeting": "Hello {{ payload.name }}"},
        },
    },
    "output": "{{ greeting }}",
}
LIMITED = {
    "slug": "welcome",
    "kind": "declared",
    "version": 1,
    "active": True,
    "shard_by": "instance",
    "limit": 0,
    "window_ms": 1000,
    "unrunnable": None,
}
SAVED = {"version": 1, "interpreter_version": 1, "created_at": AT, "by": "api key mo1", "reason": "greet who is new"}
RENAMED = WELCOME | {"title": "Welcome"}

BINDING: dict[str, Any] = {
    "id": ID,
    "scope": "env",
    "pattern": "order.*",
    "definition": "noop",
    "condition": "payload.total > 100",
    "loop_policy": "avoid_loop",
    "enabled": True,
    "limit": 20,
    "window_seconds": None,
}
SHADOW_REPORT: dict[str, Any] = {
    "org": "acme",
    "days": 7,
    "since": "2026-11-14T00:00:00Z",
    "arrived": 48_210,
    "over": 3_105,
    "would_buffer": 3_960,
    "share_percent": 8.21,
    "trips": 14,
    "failed_open": 0,
    "full": 0,
    "wait_p50_ms": 212.5,
    "wait_p95_ms": 940.0,
    "reasons": [{"name": "env_rate", "count": 3_105}],
    "definitions": [{"name": "noop", "count": 3_105}],
}
SIMULATED = {
    "triggers": 60,
    "recorded": 60,
    "passed": 20,
    "buffered": 40,
    "share_percent": 66.67,
    "refused": 0,
    "trips": 1,
    "reasons": [{"name": "env_rate", "count": 40}],
    "peak_depth": 38,
    "max_age_ms": 3_600.5,
    "wait_p50_ms": 1_800.0,
    "wait_p95_ms": 3_500.0,
    "left": 0,
    "stopped": "",
    "step_seconds": 1,
    "points": [{"at": AT, "arrived": 60, "buffered": 40, "drained": 10, "depth": 38, "oldest_age_ms": 950.0}],
}
SIMULATION: dict[str, Any] = {
    "org": "acme",
    "since": AT,
    "until": AT,
    "settings": {
        "limit": 20,
        "window_ms": 1_000,
        "hold_ms": 0,
        "org_limit": 0,
        "org_window_ms": 1_000,
        "weight": 1.0,
        "drain_rate": 10,
        "rivals": 0,
        "spread_ms": 1_000,
    },
    "then": SIMULATED,
    "now": SIMULATED,
}
BULK: dict[str, Any] = {
    "id": OTHER_ID,
    "action": "cancel",
    "filter": "definition:noop -tag:vip",
    "reason": "sent twice",
    "by": "api key 8Zq1",
    "state": "pending",
    "total": 1,
    "more": False,
    "done": 0,
    "skipped": 0,
    "failed": 0,
    "sample": [{"id": ID, "status": "pending", "tenant": "acme/production", "definition": "noop"}],
    "note": "",
    "aborting": False,
    "created_at": AT,
    "started_at": None,
    "heartbeat_at": None,
    "finished_at": None,
}
PLAN_STEPS = [
    {"mode": "shadow", "percent": 100, "bake_seconds": 86_400},
    {"mode": "on", "percent": 25, "bake_seconds": 3_600},
    {"mode": "on", "percent": 100, "bake_seconds": 86_400},
]
PLAN_BEGUN = {"kind": "begun", "step": 0, "by": "api key 8Zq1", "reason": "launch", "measured": {}, "created_at": AT}
PLAN: dict[str, Any] = {
    "id": 12,
    "org": "acme",
    "status": "running",
    "steps": PLAN_STEPS,
    "step": 0,
    "step_at": AT,
    "guardrails": {
        "max_drain_failures": 10,
        "max_dwell_p95_ms": 30_000,
        "max_stale": 0,
        "max_fail_open_percent": 1.0,
    },
    "before": {"mode": "off", "percent": 100},
    "reason": "launch",
    "by": "api key 8Zq1",
    "created_at": AT,
    "ended_at": None,
    "events": [PLAN_BEGUN],
}
PLAN_PAUSED = PLAN | {
    "status": "paused",
    "events": [PLAN_BEGUN, PLAN_BEGUN | {"kind": "paused", "reason": "a release is under way"}],
}
PLAN_RESUMED = PLAN | {
    "events": [*PLAN_PAUSED["events"], PLAN_BEGUN | {"kind": "resumed", "reason": "it is out"}],
}
PLAN_ABORTED = PLAN | {
    "status": "aborted",
    "ended_at": AT,
    "events": [*PLAN_RESUMED["events"], PLAN_BEGUN | {"kind": "aborted", "reason": "not this week"}],
}
