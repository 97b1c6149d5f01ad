"""The rules of Prometheus: tried by promtool itself, and each with its runbook."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from launch import promtool
from workflows.intake import exposition
from workflows.ops import boards, rules

ROOT = Path(__file__).resolve().parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ["What it means", "Is anything lost?", "Look at", "Do", "It is over when"]
ENDINGS = ("_bucket", "_sum", "_count")
OURS = re.compile(r"\b(?:mollifier|workflows)(?:_\w+|:[\w:]+)\b")


def metrics_of(expression):
    """Return the metrics and the recorded names that an expression reads."""
    without_labels = re.sub(r"\{[^}]*\}", "", expression)
    found = OURS.findall(without_labels)
    return {re.sub(f"({'|'.join(ENDINGS)})$", "", name) for name in found}


KNOWN = {meter.name for meter in exposition.TABLE} | {record.name for record in rules.RECORDS}


@pytest.fixture(scope="module")
def tool():
    found = promtool.present()
    if found is None:
        pytest.skip("there is no promtool here; bin/test fetches Debian's, or put one on PATH")
    return found


def run(tool, *arguments):
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout + done.stderr


def test_promtool_reads_the_rules_and_sees_each_alert_fire_and_stay_silent(tool, tmp_path):
    (tmp_path / "rules.yml").write_text(rules.rules())
    (tmp_path / "rules_test.yml").write_text(rules.unit_tests())
    assert run(tool, "check", "rules", str(tmp_path / "rules.yml"))[0]
    passed, said = run(tool, "test", "rules", str(tmp_path / "rules_test.yml"))
    assert passed, said


@pytest.mark.parametrize("alert", rules.ALERTS, ids=lambda alert: alert.name)
def test_promtool_notices_an_alert_that_can_not_fire_or_always_does(tool, tmp_path, alert):
    document = yaml.safe_load(rules.rules())
    tests = yaml.safe_load(rules.unit_tests())
    tests["tests"] = [each for each in tests["tests"] if each["name"].startswith(f"{alert.name} ")]
    assert len(tests["tests"]) == 2
    (tmp_path / "rules_test.yml").write_text(yaml.safe_dump(tests))
    for expression in ("vector(0) > 1", "vector(1)"):
        for group in document["groups"]:
            for rule in group["rules"]:
                if rule.get("alert") == alert.name:
                    rule["expr"] = expression
        (tmp_path / "rules.yml").write_text(yaml.safe_dump(document))
        assert not run(tool, "test", "rules", str(tmp_path / "rules_test.yml"))[0]


def test_promtool_reads_what_every_panel_asks(tool, tmp_path):
    asked = [expr for board in boards.BOARDS for panel in board.panels for expr, _ in panel.queries]
    records = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, expr in enumerate(asked)
    ]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    passed, said = run(tool, "check", "rules", str(path))
    assert passed, said


def test_rules_read_only_metrics_that_are_there():
    for rule in (*rules.RECORDS, *rules.ALERTS):
        assert metrics_of(rule.expr) <= KNOWN, rule.name


def test_rules_name_only_labels_that_are_there():
    labels = {meter.name: {*meter.labels, "instance"} for meter in exposition.TABLE}
    for rule in (*rules.RECORDS, *rules.ALERTS):
        for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", rule.expr):
            base = re.sub(f"({'|'.join(ENDINGS)})$", "", name)
            if base in labels:
                assert set(re.findall(r"(\w+)=", matchers)) <= labels[base], rule.name


def test_every_recorded_name_is_used():
    asked = " ".join(
        [
            *(rule.expr for rule in (*rules.RECORDS, *rules.ALERTS)),
            *(expr for board in boards.BOARDS for panel in board.panels for expr, _ in panel.queries),
        ]
    )
    assert [record.name for record in rules.RECORDS if record.name not in asked] == []


def test_names_of_alerts_are_unique():
    names = [alert.name for alert in rules.ALERTS]
    assert len(names) == len(set(names))


def test_each_alert_has_its_runbook_and_each_runbook_its_alert():
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alert.name for alert in rules.ALERTS}


def test_alerts_link_their_runbooks_where_the_operator_keeps_them():
    document = yaml.safe_load(rules.rules("https://wiki.example/"))
    linked = [rule["annotations"]["runbook_url"] for group in document["groups"] for rule in group["rules"][-1:]]
    assert linked == [f"https://wiki.example/{name}.md" for name in ("MollifierPausedWork", "WorkflowsDirectoryStale")]


@pytest.mark.parametrize("alert", rules.ALERTS, ids=lambda alert: alert.name)
def test_a_runbook_answers_every_question_and_quotes_its_rule(alert):
    text = (RUNBOOKS / f"{alert.name}.md").read_text()
    assert text.startswith(f"# {alert.name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert f"`{alert.expr}` for {alert.hold}, {alert.severity.value}" in text


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_names_only_commands_and_metrics_that_are_there(path):
    text = path.read_text()
    assert set(re.findall(r"bin/manage (\w+)", text)) <= set(get_commands())
    named = {
        re.sub(f"({'|'.join(ENDINGS)})$", "", name) for name in re.findall(r"`((?:mollifier|workflows)_\w+)", text)
    }
    assert named <= KNOWN | set(get_commands())


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_names_only_settings_and_log_events_that_are_there(path):
    text = path.read_text()
    settings = (ROOT / "docs" / "settings.md").read_text()
    assert [
        name for name in re.findall(r"\b(?:MOLLIFIER|WORKFLOWS)_[A-Z_]+", text) if f"`{name}`" not in settings
    ] == []
    source = "".join(each.read_text() for app in ("mollifier", "workflows") for each in (ROOT / app).rglob("*.py"))
    assert [name for name in re.findall(r"`((?:mollifier|workflows)\.\w+)`", text) if f'"{name}"' not in source] == []
