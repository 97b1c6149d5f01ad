"""The list of orgs, the page of one, and environments."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import people, stock, tenants
from tests.waiting import until
from workflows.intake import shadow, submission
from workflows.models import Environment, Organization
from workflows.templatetags import readable

pytestmark = pytest.mark.django_db


def test_the_list_shows_mode_effect_and_depth() -> None:
    environment = tenants.make_env("acme", mode="on", limit=1)
    stock.mollify(environment, 3)
    page = people.oscar().get("/admin/workflows/organization/").content.decode()
    assert "on for production" in page
    assert f"/admin/workflows/organization/{environment.org_id}/rollout/" in page
    row = page[page.index("field-queued") :][:900]
    assert ">3<" in row


@pytest.mark.usefixtures("no_redis")
def test_without_redis_depths_are_unknown_and_the_list_works() -> None:
    tenants.make_env("acme", mode="on")
    answer = people.oscar().get("/admin/workflows/organization/")
    assert answer.status_code == 200
    assert readable.NOTHING in answer.content.decode()


def test_the_list_costs_the_same_for_many_orgs() -> None:
    client = people.oscar()

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/admin/workflows/organization/")
        return len(captured)

    tenants.make_env("first", mode="on")
    few = cost()
    for number in range(12):
        tenants.make_env(f"org-{number}", mode="shadow")
    assert cost() == few < 15


def test_a_viewer_sees_the_verb_disabled() -> None:
    tenants.make_env("acme")
    page = people.vera().get("/admin/workflows/organization/").content.decode()
    assert "Needs the permission to change organization flags" in page
    assert "/rollout/" not in page


def test_the_page_of_one_shows_its_rollout_history_and_environments() -> None:
    environment = tenants.make_env("acme", mode="on", percent=100, limit=40)
    client = people.oscar()
    empty = client.get(f"/admin/workflows/organization/{environment.org_id}/change/").content.decode()
    assert "Nobody has changed this rollout yet" in empty
    assert "enrolled" in empty
    assert ">40<" in empty
    assert "default" in empty


def test_a_gate_that_is_switched_off_is_said_on_the_page(settings) -> None:
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DIVERT": False}
    environment = tenants.make_env("acme", mode="on")
    page = people.oscar().get(f"/admin/workflows/organization/{environment.org_id}/change/").content.decode()
    assert "switched off by the setting DIVERT" in page


def test_the_page_costs_few_queries() -> None:
    environment = tenants.make_env("acme", mode="on")
    client = people.oscar()
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/admin/workflows/organization/{environment.org_id}/change/")
    assert len(captured) < 15


def test_an_administrator_adds_an_org_and_an_environment() -> None:
    client = people.ada()
    client.post("/admin/workflows/organization/add/", {"slug": "fresh", "name": "Fresh", "reason": "a customer"})
    org = Organization.objects.get(slug="fresh")
    client.post("/admin/workflows/environment/add/", {"org": str(org.pk), "slug": "production", "reason": "a customer"})
    assert Environment.objects.get(org=org).slug == "production"


def test_the_slug_of_an_org_never_changes() -> None:
    environment = tenants.make_env("acme")
    people.ada().post(
        f"/admin/workflows/organization/{environment.org_id}/change/",
        {"slug": "other", "name": "New name", "reason": "a merger"},
    )
    org = Organization.objects.get(pk=environment.org_id)
    assert (org.slug, org.name) == ("acme", "New name")


def test_nobody_deletes_a_tenant_by_hand() -> None:
    environment = tenants.make_env("acme")
    assert people.ada().post(f"/admin/workflows/organization/{environment.org_id}/delete/").status_code == 403


def page_of(client, environment, query="") -> str:
    return client.get(f"/admin/workflows/organization/{environment.org_id}/change/{query}").content.decode()


def test_the_shadow_report_says_what_would_have_been_buffered() -> None:
    environment = tenants.make_env("acme", mode="shadow", limit=1, window_ms=60_000)
    client = people.vera()
    assert "Nothing was counted since" in page_of(client, environment)
    for _ in range(4):
        submission.submit(tenants.request(environment))
    until(lambda: shadow.report(environment.org_id).arrived == 4)
    shown = page_of(client, environment, "?days=30")
    assert "of 4 triggers, " in shown
    assert "<td>greet</td>" in shown
    assert 'href="?days=30#shadow-title" aria-current="true"' in shown
    assert 'href="?days=7#shadow-title" aria-current="true"' in page_of(client, environment, "?days=x")


def test_the_shadow_report_of_an_org_that_is_off_says_how_to_begin() -> None:
    assert "set it to shadow" in page_of(people.vera(), tenants.make_env("acme", mode="off"))


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_page_says_where_the_counts_are() -> None:
    assert "the counts are in it" in page_of(people.vera(), tenants.make_env("acme", mode="shadow"))
