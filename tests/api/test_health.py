"""Liveness, readiness and metrics."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from mollifier import client as redis
from mollifier import keys
from mollifier import metrics as mollifier_metrics
from mollifier.decision import Passed, Reason
from mollifier.entry import Comparison
from tests.api.conftest import make_caller
from tests.tenants import request
from workflows import metrics
from workflows.intake import refresher, submission
from workflows.models import Environment, Organization, OrganizationFlags, Shard

OUTCOMES = (
    *("passed", "accepted", "shadow", "mirrored", "existing", "mismatch", "duplicate_send", "no_room", "full"),
    "released",
)
DRAINED = ("settled", "requeued", "given_back", "failed", "discarded", "removed", "lost_lease", "patched", "redriven")
DOCS = Path(__file__).parents[2] / "docs"


def families(response) -> dict:
    """Return the page's families by the name that queries use; the parser takes a counter's ending off."""
    parsed = text_string_to_metric_families(response.content.decode())
    return {f"{family.name}_total" if family.type == "counter" else family.name: family for family in parsed}


def test_a_process_is_alive_without_its_servers(client, settings):
    assert client.get("/healthz/live").json() == {"status": "ok", "checks": {}}


def test_a_process_that_reaches_its_servers_is_ready(client, db):
    response = client.get("/healthz/ready")
    assert response.status_code == 200
    assert response.json()["checks"] == {"database": "ok", "directory": "ok", "redis": "ok"}


def test_metrics_are_in_the_text_format_and_name_no_tenant(client, smoothed):
    for _ in range(3):
        smoothed.trigger()
    Shard.objects.get_or_create(index=0)
    response = client.get("/metrics")
    assert response.status_code == 200
    shown = families(response)
    assert [shown[name].samples[0].value for name in ("mollifier_up", "workflows_up")] == [1.0, 1.0]
    assert {*metrics.TABLE, *mollifier_metrics.TABLE} == set(shown)
    assert {sample.labels["status"]: sample.value for sample in shown["workflows_instances"].samples} == {
        "pending": 1.0,
        "running": 0.0,
        "waiting": 0.0,
        "paused": 0.0,
    }
    assert [sample.value for sample in shown["workflows_shard_owned"].samples if sample.labels["shard"] == "0"] == [0.0]
    assert b"acme" not in response.content
    assert str(smoothed.env.id).encode() not in response.content


def test_due_instances_are_counted_by_shard(client, acme):
    made = acme.trigger().json()
    Shard.objects.get_or_create(index=made["shard"])
    shown = families(client.get("/metrics"))
    depths = {sample.labels["shard"]: sample.value for sample in shown["workflows_shard_depth"].samples}
    assert depths[str(made["shard"])] == 1.0
    lags = {sample.labels["shard"]: sample.value for sample in shown["workflows_shard_lag_seconds"].samples}
    assert 0 <= lags[str(made["shard"])] < 60


def test_metrics_may_ask_for_a_key(client, db, settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "METRICS_PUBLIC": False}
    assert client.get("/metrics").status_code == 401
    poor, rich = make_caller(scopes=["instances:read"]), make_caller("globex", scopes=["metrics:read"])
    assert client.get("/metrics", headers={"Authorization": f"Bearer {poor.key}"}).status_code == 403
    assert client.get("/metrics", headers={"Authorization": f"Bearer {rich.key}"}).status_code == 200


def test_every_metric_is_documented():
    documented = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "metrics.md").read_text(), re.MULTILINE))
    assert documented == {*metrics.TABLE, *mollifier_metrics.TABLE}


def test_a_thousand_orgs_make_no_more_series(client, db):
    orgs = Organization.objects.bulk_create(Organization(slug=f"org-{number}", name="x") for number in range(1000))
    envs = Environment.objects.bulk_create(Environment(org=org, slug="production") for org in orgs)
    OrganizationFlags.objects.bulk_create(OrganizationFlags(org=org, mode="on") for org in orgs)
    refresher.refresh()
    outcomes = submission.submit_many([request(env) for env in envs])
    assert len(outcomes) == 1000
    # As if everything had happened for every reason there is.
    words = [f"gate:{outcome}:{reason}" for outcome in OUTCOMES for reason in (*Reason, *Passed)]
    words += [f"drain:{outcome}" for outcome in DRAINED] + [f"mirrored:{outcome}" for outcome in Comparison]
    redis.call_all([("HINCRBY", keys.key("counters"), word, 1) for word in words])
    Shard.objects.bulk_create(Shard(index=index) for index in range(Shard.objects.count(), 4))
    page = client.get("/metrics").content
    assert b"org-" not in page
    assert not any(str(env.pk).encode() in page or str(env.org_id).encode() in page for env in envs)
    assert len([line for line in page.splitlines() if not line.startswith(b"#")]) < 500
