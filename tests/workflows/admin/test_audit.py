"""The audit's page."""

import pytest

from tests import people, tenants
from workflows import audit
from workflows.audit import Act, Actor, AuditOutcome
from workflows.models import AuditRecord

pytestmark = pytest.mark.django_db
LIST = "/admin/workflows/auditrecord/"


@pytest.fixture
def record() -> AuditRecord:
    environment = tenants.make_env("acme")
    act = Act(
        verb="cleanup_event_storm",
        actor=Actor("command: olga"),
        reason="a loop <b>",
        filter={"workflow": ["checkout", "refund"], "env": None},
        target="checkout, refund",
        org_id=environment.org_id,
    )
    number = audit.begin(act)
    audit.add(number, 138_508)
    audit.end(number, AuditOutcome.DONE, {"busy": 0, "buffered": 7})
    audit.note(Act(verb="retention", actor=Actor("schedule"), reason="old"), 3)
    return AuditRecord.objects.get(pk=number)


def rows(client, query: str = "") -> list[str]:
    return [each.verb for each in client.get(LIST + query).context["cl"].result_list]


def test_a_record_tells_who_did_what_to_how_many_and_why(record: AuditRecord) -> None:
    client = people.vera()
    listed = client.get(LIST).content.decode()
    told = ("cleanup_event_storm", "checkout, refund", "acme", "138,508", "Done", "a loop &lt;b&gt;", "command: olga")
    assert [word for word in told if word not in listed] == []
    detail = client.get(f"{LIST}{record.pk}/change/").content.decode()
    assert [word for word in ("workflow: checkout, refund", "buffered: 7") if word not in detail] == []


def test_records_are_found_by_verb_actor_org_outcome_and_date(record: AuditRecord) -> None:
    client = people.vera()
    assert rows(client) == ["retention", "cleanup_event_storm"]
    assert rows(client, "?verb=retention") == ["retention"]
    assert rows(client, "?actor_name=schedule") == ["retention"]
    assert rows(client, f"?org__id__exact={record.org_id}") == ["cleanup_event_storm"]
    assert rows(client, "?outcome__exact=failed") == []
    assert rows(client, "?started_at__gte=2999-01-01+00:00:00%2B00:00") == []
    assert rows(client, "?q=loop") == ["cleanup_event_storm"]


def test_nobody_rewrites_the_audit(record: AuditRecord) -> None:
    client = people.ada()
    answers = [
        client.get(f"{LIST}add/"),
        client.post(f"{LIST}{record.pk}/change/", {"reason": "other"}),
        client.post(f"{LIST}{record.pk}/delete/", {"post": "yes"}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


def test_who_is_in_no_group_sees_nothing(record: AuditRecord) -> None:
    assert people.nora().get(LIST).status_code == 403


def test_the_page_asks_little_of_the_database(record: AuditRecord, django_assert_max_num_queries) -> None:
    client = people.vera()
    with django_assert_max_num_queries(15):
        client.get(LIST)
