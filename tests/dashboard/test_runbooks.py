"""Runbooks in the browser: every alert has one, the Overview leads there, and marks are made elements."""

import re

import pytest

from dashboard import runbooks, verdict
from dashboard.verdict import Flow, Lane, Level
from tests import people
from workflows.ops import rules


@pytest.mark.parametrize("name", runbooks.ALERTS)
def test_a_runbook_is_read_whole(name):
    book = runbooks.read(name)
    assert [section.title for section in book.sections] == [
        "What it means",
        "Is anything lost?",
        "Look at",
        "Do",
        "It is over when",
    ]
    assert all(section.items or section.text for section in book.sections)
    shown = "".join([book.lead, *(part for each in book.sections for part in (*each.items, each.text))])
    assert not re.search(r"`|\]\(|&lt;code", shown)
    assert runbooks.marked(f"`{book.alert.expr}`") in book.lead


@pytest.mark.parametrize("name", ["", "nonsense", "../metrics", "MollifierStale.md"])
def test_what_is_no_alert_has_none(name):
    assert runbooks.read(name) is None


def test_marks_are_elements_and_all_else_is_escaped():
    assert runbooks.marked("run `a < b`, *now* & <then>") == (
        "run <code>a &lt; b</code>, <em>now</em> &amp; &lt;then&gt;"
    )
    assert runbooks.marked("see [it](MollifierStale.md) and [that](../operations.md#x)") == (
        'see <a href="/admin/runbooks/MollifierStale/">it</a> and that (docs/operations.md#x)'
    )


SICK = Flow(available=True, waiting=9, failed=0, oldest_seconds=700.0, since_claim_seconds=400.0)
FINDINGS = [
    verdict.judge_flow(Flow(False, 0, 0, None, None)),
    verdict.judge_flow(Flow(True, 0, 0, None, None, failed_open=3)),
    verdict.judge_flow(Flow(True, 0, 2, None, None)),
    verdict.judge_flow(Flow(True, 1, 0, 1.0, None, stale=1)),
    verdict.judge_flow(SICK),
    verdict.judge_execution([], 0),
    verdict.judge_execution([Lane(0, True, True, 3, 1.0)], 0),
    verdict.judge_execution([Lane(0, True, False, 3, 99.0)], 0),
    verdict.judge_execution([Lane(0, True, False, 0, None)], 1),
    verdict.judge_liveness(SICK, []),
    verdict.judge_liveness(Flow(True, 9, 0, 700.0, 400.0, since_beat_seconds=1.0), []),
    verdict.judge_liveness(Flow(True, 0, 0, None, None), [Lane(0, False, False, 3, 1.0)]),
    verdict.judge_liveness(Flow(True, 0, 0, None, None), [Lane(0, False, False, 0, None)]),
    verdict.judge_liveness(Flow(True, 0, 0, None, None, since_sweep_seconds=1000.0), []),
]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.runbook or finding.cause)
def test_what_is_wrong_leads_to_a_runbook_that_is_there(finding):
    assert finding.level is not Level.OK
    assert finding.runbook in runbooks.ALERTS


@pytest.mark.django_db
def test_the_list_leads_to_each_page_and_pages_to_each_other():
    vera = people.vera()
    page = vera.get("/admin/runbooks/").content.decode()
    assert re.findall(r"/admin/runbooks/(\w+)/", page) == [alert.name for alert in rules.ALERTS]
    assert "A shard has no pump" in page
    book = vera.get("/admin/runbooks/MollifierStale/").content.decode()
    assert "<code>bin/manage mollifier_sweep --once</code> names the environments" in book
    assert '<a href="/admin/runbooks/MollifierOldestTooOld/">' in book
    assert vera.get("/admin/runbooks/Nonsense/").status_code == 404


@pytest.mark.django_db
def test_who_may_not_see_the_overview_sees_no_runbook(client):
    assert client.get("/admin/runbooks/").status_code == 302
    assert client.get("/admin/runbooks/MollifierStale/").status_code == 302


@pytest.mark.django_db
@pytest.mark.usefixtures("no_redis")
def test_the_overview_leads_to_the_runbook_of_what_is_wrong():
    assert 'href="/admin/runbooks/MollifierRedisDown/"' in people.vera().get("/admin/").content.decode()
