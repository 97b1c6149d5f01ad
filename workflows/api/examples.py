"""Examples of the API's description. A test sends each body and compares what comes back with the answer shown."""

from typing import Any

from workflows.api.examples_values import (
    AT,
    BINDING,
    BULK,
    FLAGS,
    ID,
    LIMITED,
    OTHER_ID,
    PLACE,
    PLAN,
    PLAN_ABORTED,
    PLAN_PAUSED,
    PLAN_RESUMED,
    PLAN_STEPS,
    RENAMED,
    SAVED,
    SCHEDULE,
    SHADOW_REPORT,
    SIMULATION,
    WELCOME,
)

STARTED: dict[str, Any] = {
    "id": ID,
    "definition": "noop",
    "version": 1,
    "status": "pending",
    "org": "acme",
    "env": "production",
    "source": "api",
    "tags": ["vip"],
    "metadata": {"trace": "t-1"},
    "metadata_version": 0,
    "payload": {"order": 1},
    "output": None,
    "error": None,
    "shard": 2,
    "root_id": ID,
    "parent_id": None,
    "depth": 0,
    "cause": None,
    "event": None,
    "hooks": [],
    "notice": None,
    "accepted_at": AT,
    "run_after": None,
    "created_at": AT,
    "started_at": None,
    "finished_at": None,
}
BUFFERED = STARTED | {
    "status": "buffered",
    "created_at": None,
    "notice": {
        "code": "env_rate",
        "message": "Accepted into the buffer; it will start in its turn.",
        "position": 1,
        "eta_seconds": 0.2,
    },
}
CANCELLED = STARTED | {
    "status": "cancelled",
    "error": {"code": "cancelled", "message": "ordered twice"},
    "finished_at": AT,
}
TAGGED = STARTED | {"tags": ["vip", "urgent"]}
COUNTED = STARTED | {"metadata": {"trace": "t-1", "attempts": 1, "notes": ["called back"]}, "metadata_version": 1}
PUT_OFF = STARTED | {"run_after": "2026-12-24T18:00:00Z"}
PAUSED = STARTED | {"status": "paused"}
ORDER = {
    "definition": "noop",
    "payload": {"order": 1},
    "idempotency_key": "order-1",
    "tags": ["vip"],
    "metadata": {"trace": "t-1"},
}
REFUSED = {
    "type": "urn:mollifier:problem:definition_not_found",
    "title": "Not Found",
    "status": 404,
    "code": "definition_not_found",
    "detail": "There is no definition 'no-such-flow'.",
    "request_id": "019aa5a07c1e7e42b4f50a4f7a5d3c11",
    "pointer": "/triggers/1/definition",
}
BODIES: dict[str, dict[str, Any]] = {
    "post_trigger": {
        "the least": {"definition": "noop"},
        "with a key": ORDER,
        "never buffered": {"definition": "noop", "payload": [1, 2, 3], "buffer": "never"},
        "not before": {"definition": "noop", "run_after": "2026-11-21T10:20:00Z"},
    },
    "post_batch": {"two, one of them unknown": {"triggers": [ORDER, {"definition": "no-such-flow"}]}},
    "cancel_instance": {"with a reason": {"reason": "ordered twice"}},
    "post_simulation": {"a smaller limit": {"limit": 20, "window_ms": 1_000, "hold_ms": 0, "drain_rate": 10}},
    "redrive_entry": {"its cause is mended": {"reason": "the disk has room again"}},
    "discard_entry": {"nobody needs it": {"reason": "a test of last week"}},
    "change_tags": {"one more": {"add": ["urgent"]}, "one for another": {"add": ["calm"], "remove": ["urgent"]}},
    "change_metadata": {
        "count and note": {
            "operations": [
                {"op": "increment", "key": "attempts"},
                {"op": "append", "key": "notes", "value": "called back"},
            ],
            "expected_version": 0,
        }
    },
    "reschedule_instance": {"not before Christmas": {"run_after": "2026-12-24T18:00:00Z"}},
    "post_schedule": {
        "each night": {
            "definition": "noop",
            "cron": "30 2 * * *",
            "timezone": "Europe/Lisbon",
            "payload": {"report": "daily"},
            "overlap": "queue",
        }
    },
    "resume_hook": {
        "approved": {"payload": {"approved": True}, "resume_id": "click-1"},
        "without a name": {"payload": None},
    },
    "append_event": {
        "one more tag": {"type": "attribute_set", "tags": {"add": ["urgent"]}},
        "a note": {
            "type": "attribute_set",
            "metadata": {"operations": [{"op": "append", "key": "notes", "value": "called back"}]},
        },
    },
    "patch_schedule": {"switch it off": {"enabled": False}},
    "post_definition": {"a greeting": {"slug": "welcome", "document": WELCOME, "reason": "greet who is new"}},
    "patch_definition": {"another version": {"document": RENAMED, "active": False, "reason": "a title; not yet"}},
    "emit_event": {"with a key": {"type": "order.created", "payload": {"order": 1}, "key": "evt-1"}},
    "post_binding": {
        "large orders": {"pattern": "order.*", "definition": "noop", "condition": "payload.total > 100", "limit": 20}
    },
    "patch_binding": {"switch off": {"enabled": False}},
    "test_bindings": {"a small order": {"type": "order.created", "payload": {"total": 7}}},
    "post_bulk_action": {
        "count first": {"action": "cancel", "filter": "definition:noop -tag:vip", "dry_run": True},
        "cancel": {"action": "cancel", "filter": "definition:noop -tag:vip", "reason": "sent twice"},
    },
    "abort_bulk_action": {"with a reason": {"reason": "wrong filter"}},
    "post_rollout_plan": {
        "three steps": {"steps": PLAN_STEPS, "guardrails": {"max_drain_failures": 10}, "reason": "launch"}
    },
    "pause_rollout_plan": {"for a while": {"reason": "a release is under way"}},
    "resume_rollout_plan": {"go on": {"reason": "it is out"}},
    "abort_rollout_plan": {"back": {"reason": "not this week"}},
    "put_flags": {
        "smooth bursts": {"mode": "on", "limit": 50, "window_ms": 1000, "weight": 2.0, "reason": "launch day"}
    },
}
ANSWERS: dict[tuple[str, int], dict[str, Any]] = {
    ("post_trigger", 201): {"started": STARTED},
    ("post_trigger", 202): {"buffered": BUFFERED},
    ("post_trigger", 200): {"made by an earlier trigger with the key": STARTED | {"status": "running"}},
    ("post_batch", 200): {
        "one started, one refused": {
            "results": [
                {"index": 0, "status": 201, "instance": STARTED},
                {"index": 1, "status": 404, "problem": REFUSED},
            ],
            "summary": {"started": 1, "buffered": 0, "existing": 0, "refused": 1},
        }
    },
    ("list_instances", 200): {"newest first": {"data": [BUFFERED | {"id": OTHER_ID}, STARTED], "next_cursor": PLACE}},
    ("get_instance", 200): {
        "completed": STARTED | {"status": "completed", "output": {"order": 1}, "started_at": AT, "finished_at": AT},
        "buffered": BUFFERED,
    },
    ("list_events", 200): {
        "just started": {
            "events": [
                {"seq": 1, "type": "created", "correlation_id": "", "data": {"payload": {"order": 1}}, "created_at": AT}
            ],
            "last_seq": 1,
        }
    },
    ("cancel_instance", 200): {"cancelled": CANCELLED},
    ("emit_event", 202): {
        "started": {
            "event_id": OTHER_ID,
            "key": "evt-1",
            "kept": False,
            "outcomes": [
                {
                    "binding_id": ID,
                    "definition": "noop",
                    "outcome": "started",
                    "reason": None,
                    "message": None,
                    "instance_id": "0b6ab0fc-6f0c-5d4f-9d0e-2f1f6d6a8c11",
                }
            ],
        }
    },
    ("post_binding", 201): {"made": BINDING},
    ("patch_binding", 200): {"switched off": BINDING | {"enabled": False}},
    ("test_bindings", 200): {
        "it starts nothing": {
            "matches": [
                {"binding_id": ID, "definition": "noop", "starts": False, "reason": "its condition does not hold"}
            ]
        }
    },
    ("change_tags", 200): {"one more": TAGGED},
    ("change_metadata", 200): {"counted and noted": COUNTED},
    ("reschedule_instance", 200): {"put off": PUT_OFF},
    ("pause_instance", 200): {"paused": PAUSED},
    ("resume_instance", 200): {"pending again": STARTED},
    ("delete_idempotency_key", 200): {"freed": {"cleared": ID}},
    ("get_buffer", 200): {"some": {"org": "acme", "available": True, "queued": 3, "oldest_age_seconds": 1.5}},
    ("list_entries", 200): {
        "a dead letter": {
            "data": [
                {
                    "id": ID,
                    "definition": "noop",
                    "state": "failed",
                    "reason": "env_rate",
                    "accepted_at": AT,
                    "attempts": 1,
                    "lapses": 0,
                    "error": "54000: index row size exceeds the maximum",
                    "cancelled": False,
                }
            ],
            "next_cursor": None,
        }
    },
    ("redrive_entry", 200): {"redriven": {"id": ID, "outcome": "redriven"}},
    ("discard_entry", 200): {"discarded": {"id": ID, "outcome": "discarded"}},
    ("get_flags", 200): {"on": FLAGS},
    ("put_flags", 200): {"on": FLAGS | {"version": 8}},
    ("post_rollout_plan", 201): {"begun": PLAN},
    ("list_rollout_plans", 200): {"the only one": {"data": [PLAN | {"events": None}], "next_cursor": None}},
    ("get_rollout_plan", 200): {"begun": PLAN},
    ("pause_rollout_plan", 200): {"paused": PLAN_PAUSED},
    ("resume_rollout_plan", 200): {"goes on": PLAN_RESUMED},
    ("abort_rollout_plan", 200): {"aborted": PLAN_ABORTED},
    ("get_shadow_report", 200): {"a week": SHADOW_REPORT},
    ("post_simulation", 200): {"a smaller limit, drained slowly": SIMULATION},
    ("post_bulk_action", 200): {
        "counted": {name: BULK[name] for name in ("action", "filter")}
        | {"count": 1, "more": False, "sample": BULK["sample"]}
    },
    ("post_bulk_action", 202): {"begun": BULK},
    ("list_bulk_actions", 200): {"the only one": {"data": [BULK], "next_cursor": None}},
    ("get_bulk_action", 200): {"not begun yet": BULK},
    ("abort_bulk_action", 200): {
        "before it began": BULK
        | {"state": "aborted", "note": "Aborted by api key 8Zq1: wrong filter", "heartbeat_at": AT, "finished_at": AT}
    },
    ("resume_hook", 202): {"handed over": {"instance_id": ID, "seq": 4}},
    ("append_event", 201): {"appended": {"seq": 2}},
    ("post_schedule", 201): {"made": SCHEDULE},
    ("list_schedules", 200): {"the only one": {"data": [SCHEDULE], "next_cursor": None}},
    ("get_schedule", 200): {"as it was made": SCHEDULE},
    ("patch_schedule", 200): {"switched off": SCHEDULE | {"enabled": False, "next_at": None}},
    ("list_definitions", 200): {"a page of one": {"data": [LIMITED], "next_cursor": None}},
    ("post_definition", 201): {"made": {"definition": LIMITED, "shown": SAVED, "document": WELCOME}},
    ("get_definition", 200): {"the latest": {"definition": LIMITED, "shown": SAVED, "document": WELCOME}},
    ("patch_definition", 200): {
        "changed": {
            "definition": LIMITED | {"version": 2, "active": False},
            "shown": SAVED | {"version": 2, "reason": "a title; not yet"},
            "document": RENAMED,
        }
    },
    ("list_definition_versions", 200): {"one": {"data": [SAVED], "next_cursor": None}},
    ("get_live", 200): {"alive": {"status": "ok", "checks": {}}},
    ("get_ready", 200): {"ready": {"status": "ok", "checks": {"database": "ok", "directory": "ok", "redis": "ok"}}},
}


def bodies(name: str) -> list[tuple[str, Any]]:
    return list(BODIES.get(name, {}).items())


def answers(name: str, status: int) -> list[tuple[str, Any]]:
    return list(ANSWERS.get((name, status), {}).items())
