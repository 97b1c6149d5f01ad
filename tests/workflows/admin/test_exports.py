"""Exports of what the instances page shows."""

import csv
import io
import json

import pytest

from tests import people, stock, tenants
from tests.tenants import make_env
from workflows import engine, secrets
from workflows.admin import exports, instances
from workflows.admin.instances import Part
from workflows.models import AuditRecord, Secret
from workflows.secrets import Author

pytestmark = pytest.mark.django_db
EXPORT = "/admin/workflows/instance/export/"


def fetch(client, **given) -> str:
    answer = client.get(EXPORT, given)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def test_what_the_search_finds_is_exported_as_csv():
    environment = make_env()
    one = stock.make_instance(environment, tags=["vip", "=cmd()"], definition="=cmd()")
    stock.make_instance(environment)
    client = people.vera()
    answer = client.get(EXPORT, {"q": "vip", "format": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert 'attachment; filename="instances-' in answer["Content-Disposition"]
    header, line = csv.reader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert tuple(header) == exports.COLUMNS
    shown = dict(zip(header, line, strict=True))
    assert (shown["id"], shown["definition"], shown["tags"]) == (str(one.pk), "'=cmd()", "vip =cmd()")
    assert (shown["tenant"], shown["finished_at"], shown["version"]) == ("acme/production", "", "1")


def test_json_says_what_was_asked_and_that_it_is_whole(monkeypatch):
    monkeypatch.setattr(exports, "PER_PAGE", 2)
    environment = make_env()
    made = [str(stock.make_instance(environment).pk) for _ in range(5)]
    shown = json.loads(fetch(people.vera(), format="json", env="acme/production"))
    assert [each["id"] for each in shown["instances"]] == made[::-1]
    assert (shown["search"], shown["count"], shown["complete"]) == ("env:acme/production", 5, True)
    assert json.loads(fetch(people.oscar(), format="json", q="nothing"))["instances"] == []


def test_a_cut_export_says_so(settings):
    settings.WORKFLOWS = {**settings.WORKFLOWS, "EXPORT_ROWS": 2}
    environment = make_env()
    for _ in range(3):
        stock.make_instance(environment)
    client = people.vera()
    shown = json.loads(fetch(client, format="json"))
    assert (len(shown["instances"]), shown["complete"]) == (2, False)
    assert shown["note"].startswith("Cut at 2 instances")
    assert fetch(client, format="csv").splitlines()[-1].strip('"').startswith("# Cut at 2 instances")


def test_what_could_not_be_read_is_said(monkeypatch):
    make_env()
    client = people.vera()
    monkeypatch.setattr(instances, "read", lambda *_: Part((), gave_up=True))
    assert "too wide" in json.loads(fetch(client, format="json"))["note"]
    monkeypatch.setattr(instances, "read", lambda *_: Part((), complete=False))
    assert "Redis" in json.loads(fetch(client, format="json"))["note"]


def test_payloads_are_for_those_who_may_and_ask():
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    engine.start(tenants.trigger(environment))
    stock.mollify(environment, 1)
    assert "Ada" not in fetch(people.ada(), format="json")
    assert people.oscar().get(EXPORT, {"payload": "1"}).status_code == 403
    ada = people.signed_in(people.make("other", "Admin"))
    shown = json.loads(fetch(ada, format="json", payload="1", env="acme/production"))
    assert [each["payload"] for each in shown["instances"]] == [{"name": "Ada"}] * 2
    assert '""name""' in fetch(ada, format="csv", payload="1")
    assert AuditRecord.objects.filter(verb="export_instances", filter__payload=True).count() == 2


def keep(environment) -> None:
    kept = {"name": "KEY", "value": "sk-live-0123456789", "author": Author("ada"), "reason": "a test"}
    secrets.create(environment.org_id, environment.id, **kept)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_payloads_hide_what_the_page_of_an_instance_hides(kind):
    environment = make_env(mode="on", limit=1, window_ms=60_000)
    keep(environment)
    payload = b'{"name":"Ada","password":"hunter2","note":"use sk-live-0123456789","to":"https://a:b@c.example"}'
    engine.start(tenants.trigger(environment, payload=payload))
    stock.mollify(environment, 1, payload=payload)
    text = fetch(people.ada(), format=kind, payload="1", env="acme/production")
    assert text.count("Ada") == text.count("use [secret KEY]") == text.count("https://[hidden]@c.example") == 2
    assert not any(secret in text for secret in ("hunter2", "sk-live", "a:b@"))


def test_while_a_secret_can_not_be_decrypted_no_payload_is_exported():
    environment = make_env()
    engine.start(tenants.trigger(environment))
    keep(environment)
    Secret.objects.update(ciphertext="torn")
    (shown,) = json.loads(fetch(people.ada(), format="json", payload="1"))["instances"]
    assert shown["payload"].startswith("Hidden: ")


def test_what_is_at_fault_is_told():
    client = people.vera()
    for given, said in (({"q": "stauts:x"}, "write status:"), ({"format": "xml"}, "write csv or json")):
        answer = client.get(EXPORT, given)
        assert (answer.status_code, said in answer.content.decode()) == (400, True)
    assert people.nora().get(EXPORT).status_code == 403


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (-1, "-1"),
        ("+1", "'+1"),
        ("@x", "'@x"),
        (["=a", "b"], "'=a b"),
        ({"a": 1}, '{"a": 1}'),
        ("plain", "plain"),
    ],
)
def test_no_cell_is_a_formula(value, cell):
    assert exports.safe(value) == cell
