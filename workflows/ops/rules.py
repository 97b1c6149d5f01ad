"""Prometheus' rules, and their tests for promtool, as text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from workflows.ops import of_buffer, of_engine
from workflows.ops.alert import Alert, Record, Series

HEAD = "# Made by `bin/manage ops_files` from workflows/ops; change it there.\n"
RUNBOOKS = "docs/runbooks/"
GROUPS: Mapping[str, tuple[Sequence[Record], Sequence[Alert]]] = {
    "mollifier": (of_buffer.RECORDS, of_buffer.ALERTS),
    "workflows": (of_engine.RECORDS, of_engine.ALERTS),
}
RECORDS = (*of_buffer.RECORDS, *of_engine.RECORDS)
ALERTS = (*of_buffer.ALERTS, *of_engine.ALERTS)
# The processes that a test's series are scraped from.
INSTANCES = ("web-1", "web-2")
# Late enough for an alert to fire, unless it must hold for an hour; for silence it is looked on the way too.
LOOK_AT, LOOK_AT_LATER = "25m", "80m"
ON_THE_WAY = ("5m", "10m", "15m", "20m")


def runbook(alert: Alert, base: str) -> str:
    """Return the address of an alert's runbook below `base`."""
    return f"{base}{alert.name}.md"


def rules(base: str = RUNBOOKS) -> str:
    """Return the file of rules; `base` is where the runbooks are read."""
    groups = [
        {"name": name, "interval": "1m", "rules": [*map(_record, records), *(_alert(each, base) for each in alerts)]}
        for name, (records, alerts) in GROUPS.items()
    ]
    return _text({"groups": groups})


def unit_tests(base: str = RUNBOOKS) -> str:
    """Return what promtool checks of them: each alert fires when it should, and is silent beside."""
    cases = [case for alert in ALERTS for case in _cases(alert, base)]
    return _text({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": cases})


def _record(record: Record) -> dict[str, Any]:
    return {"record": record.name, "expr": record.expr}


def _alert(alert: Alert, base: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": alert.hold,
        "labels": {"severity": alert.severity.value},
        "annotations": _annotations(alert, base),
    }


def _annotations(alert: Alert, base: str) -> dict[str, str]:
    return {"summary": alert.summary, "description": alert.description, "runbook_url": runbook(alert, base)}


def _cases(alert: Alert, base: str) -> Iterable[dict[str, Any]]:
    fired = {
        "exp_labels": {"severity": alert.severity.value, **alert.labels},
        "exp_annotations": {name: _filled(text, alert.labels) for name, text in _annotations(alert, base).items()},
    }
    last = LOOK_AT_LATER if alert.hold.endswith("h") else LOOK_AT
    yield _case(alert, "fires", alert.fires, {last: [fired]})
    yield _case(alert, "is silent", alert.quiet, {at: [] for at in (*ON_THE_WAY, last)})


def _case(alert: Alert, what: str, series: Series, expected: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {
        "name": f"{alert.name} {what}",
        "interval": "1m",
        "input_series": [
            {"series": each, "values": values} for name, values in series.items() for each in _scraped(name)
        ],
        "alert_rule_test": [
            {"eval_time": at, "alertname": alert.name, "exp_alerts": alerts} for at, alerts in expected.items()
        ],
    }


def _scraped(series: str) -> list[str]:
    """Return a series as each process answers it."""
    if "instance=" in series:
        return [series]
    name, _, labels = series.rstrip("}").partition("{")
    return [f'{name}{{{labels}{"," if labels else ""}instance="{instance}"}}' for instance in INSTANCES]


def _filled(text: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)


def _text(document: Any) -> str:
    return HEAD + str(yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True))
